//! Every order ends well although Kafka loses records, because services publish their facts again in waves.

use model::{
    bounds::{self, ExplorationBound},
    config::{Guarantees, ONE_LOSS, TWO_LOSSES, WaveRule},
};

/// Explores bounds in which a number of records is lost. At most as many waves are necessary.
fn explore(bounds: impl IntoIterator<Item = ExplorationBound>) {
    for bound in bounds {
        let losses = bound.config.guarantees.losses;
        let report = bound.explore().unwrap_or_else(|violation| panic!("{violation}"));
        println!("{report}");
        assert!(report.explored.waves <= u32::from(losses), "{} waves after {losses} losses", report.explored.waves);
    }
}

#[test]
fn approved_order_ends_after_any_loss() {
    explore(bounds::of_one_order(ONE_LOSS, 1).into_iter().take(1));
}

#[test]
fn other_orders_end_after_any_loss() {
    explore(bounds::of_one_order(ONE_LOSS, 1).into_iter().skip(1));
}

#[test]
fn undisturbed_orders_end_after_any_two_losses() {
    explore(bounds::of_one_undisturbed_order(TWO_LOSSES));
}

/// The others take minutes; `cargo run --release -p model -- --deep` explores them.
#[test]
fn unpaid_and_short_orders_end_after_any_two_losses() {
    explore(bounds::of_one_order(TWO_LOSSES, 1).into_iter().skip(3));
}

/// The rule that the exploration finds violated with a wrong rule for waves.
fn violation(waves: WaveRule) -> String {
    let bound = bounds::of_one_order(Guarantees { waves, ..ONE_LOSS }, 1).remove(0);
    let violation = bound.explore().expect_err("the rule for waves is wrong");
    violation.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn exploration_detects_a_stuck_order_without_waves() {
    assert_eq!(violation(WaveRule::Never), "violated: every order ends confirmed or cancelled");
}

#[test]
fn exploration_detects_waves_that_do_not_end() {
    assert_eq!(violation(WaveRule::EveryTime), "violated: an order ends within 100 steps");
}
