//! Several processes share one ledger, and some of them die.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::Barrier,
    time::{Duration, Instant},
};

use contracts::Money;
use providers::{
    PaymentGateway,
    simulator::{GatewayLedger, SimulatedGateway, cards},
};
use tokio::task::JoinSet;

use crate::{Place, order};

const AMOUNT: Money = Money::eur(100);
/// Relative, so that the child finds it in its working directory.
const LEDGER: &str = "ledger.db";
const KEYS: u128 = 200_000;

#[test]
fn a_new_ledger_can_be_opened_by_many_at_once() {
    for _ in 0..20 {
        let place = Place::new();
        let start = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    SimulatedGateway::open(&place.ledger()).expect("opens");
                });
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_handles_that_charge_the_same_keys_charge_each_once() {
    let place = Place::new();
    let handles = [(); 2].map(|()| SimulatedGateway::open(&place.ledger()).expect("opens"));
    let mut charges = JoinSet::new();
    for number in 0..100 {
        for gateway in handles.iter().cycle().take(4) {
            let gateway = gateway.clone();
            charges.spawn(async move { gateway.charge(order(number), cards::APPROVED, AMOUNT).await });
        }
    }
    let answers = charges.join_all().await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_each_charged_once(&place.ledger(), 100);
    assert_eq!(GatewayLedger::open(&place.ledger()).expect("opens").calls().expect("reads").len(), 400);
}

#[tokio::test]
async fn processes_that_are_killed_leave_a_sound_ledger() {
    let place = Place::new();
    let gateway = SimulatedGateway::open(&place.ledger()).expect("opens");
    let ledger = GatewayLedger::open(&place.ledger()).expect("opens");
    for round in 1..=3 {
        let children = [(); 2].map(|()| charging_process(&place));
        wait_until(|| ledger.total().expect("reads").captures > round * 300);
        for mut child in children {
            assert!(child.try_wait().expect("waits").is_none(), "it was to be killed at work");
            child.kill().expect("kills");
            child.wait().expect("waits");
        }
    }
    let charged = ledger.entries().expect("reads").len() as u128;
    assert!(charged < KEYS, "they were to be killed at work");
    for number in 0..charged + 10 {
        gateway.charge(order(number), cards::APPROVED, AMOUNT).await.expect("charges");
    }
    assert_each_charged_once(&place.ledger(), charged + 10);
}

/// Charges key after key, for the test above, until it is killed.
#[tokio::test]
#[ignore = "does nothing by itself: the test above runs it as a process"]
async fn charging_until_killed() {
    if !Path::new(LEDGER).exists() {
        return;
    }
    let gateway = SimulatedGateway::open(Path::new(LEDGER)).expect("opens");
    for number in 0..KEYS {
        gateway.charge(order(number), cards::APPROVED, AMOUNT).await.expect("charges");
    }
}

fn charging_process(place: &Place) -> Child {
    Command::new(std::env::current_exe().expect("a program"))
        .args(["--exact", "processes::charging_until_killed", "--ignored"])
        .current_dir(place.directory.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("starts")
}

#[track_caller]
fn wait_until(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_mins(1), "it never happened");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[track_caller]
fn assert_each_charged_once(ledger: &Path, keys: u128) {
    let entries = GatewayLedger::open(ledger).expect("opens").entries().expect("reads");
    assert_eq!(entries.len() as u128, keys);
    let doubled: Vec<_> = entries.iter().filter(|(_, entry)| entry.captures != 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
}
