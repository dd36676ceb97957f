//! Every service crashes at every point of its work with every event of the saga, and every order still ends correctly.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chaos::crash::{Crash, all, rounds};
use chaos::supervisor::supervised;
use chaos::system::SystemConfig;
use chaos::trial::{QuiescenceTimeouts, ScriptedRun};
use xtask::{Broker, broker_from_env};

/// The same as after any other fault.
const TIMEOUTS: QuiescenceTimeouts =
    QuiescenceTimeouts { orders: Duration::from_mins(1), settling: Duration::from_secs(30) };

#[test]
fn suite_survives_every_crash_on_sqlite() {
    assert_every_crash_is_survived(SystemConfig::default());
}

#[test]
fn suite_survives_every_crash_on_postgresql() {
    assert_every_crash_is_survived(SystemConfig::on_postgres());
}

/// Crashes a suite with this configuration, which determines its storage, at every point.
fn assert_every_crash_is_survived(subject: SystemConfig) {
    let (possible, impossible) = all();
    let rounds = rounds(&possible);
    let broker = broker_from_env().and_then(|address| Broker::external(&address)).expect("a broker");
    let trial =
        ScriptedRun::start(broker, subject, u32::try_from(rounds.len()).expect("few")).expect("the suite starts");
    let started = Instant::now();
    let survived = supervised(trial.system(), || {
        for round in &rounds {
            let crashes: Vec<_> = round.crashes.iter().map(ToString::to_string).collect();
            println!("{:6} ms: {:?} with {}", started.elapsed().as_millis(), round.scripted_order, crashes.join(", "));
            round.crashes.iter().try_for_each(|crash| trial.arm(crash))?;
            trial.run_scripted(round.scripted_order)?;
            trial.wait_for_crashes()?;
        }
        Ok(())
    });
    survived.unwrap_or_else(|error| panic!("{error:#}"));
    let crashes = trial.system().crashes();
    println!("{crashes} crashes with {} orders in {:?}", rounds.len(), started.elapsed());
    assert_eq!(crashes, possible.len(), "each crash happens once");
    print_impossible(&impossible);
    let verdict = trial.finish(TIMEOUTS).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(verdict.violations, []);
}

/// Prints the impossible crashes by reason.
fn print_impossible(impossible: &[(Crash, &str)]) {
    let mut by_reason = BTreeMap::<_, Vec<_>>::new();
    for (crash, why) in impossible {
        by_reason.entry(why).or_default().push(crash);
    }
    for (why, crashes) in by_reason {
        println!("{} impossible, such as {}: {why}", crashes.len(), crashes[0]);
    }
}
