//! Every service crashes at every step of its work with every event of the saga, and every order ends as it must.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chaos::crash::{Crash, all, rounds};
use chaos::stage::Subject;
use chaos::supervisor::supervised;
use chaos::trial::{Patience, Trial};
use xtask::{Broker, broker_from_env};

/// As long as after any other fault.
const PATIENCE: Patience = Patience { orders: Duration::from_mins(1), settling: Duration::from_secs(30) };

#[test]
fn every_crash_is_survived_with_sqlite() {
    every_crash_is_survived(Subject::default());
}

#[test]
fn every_crash_is_survived_with_postgresql() {
    every_crash_is_survived(Subject::on_postgres());
}

/// The subject says by its environment which storage it uses.
fn every_crash_is_survived(subject: Subject) {
    let (possible, impossible) = all();
    let rounds = rounds(&possible);
    let broker = broker_from_env().and_then(|address| Broker::at(&address)).expect("a broker");
    let trial = Trial::begin(broker, subject, u32::try_from(rounds.len()).expect("few")).expect("the suite starts");
    let started = Instant::now();
    let survived = supervised(trial.stage(), || {
        for round in &rounds {
            let crashes: Vec<_> = round.crashes.iter().map(ToString::to_string).collect();
            println!("{:6} ms: {:?} with {}", started.elapsed().as_millis(), round.story, crashes.join(", "));
            round.crashes.iter().try_for_each(|crash| trial.arm(crash))?;
            trial.tell(round.story)?;
            trial.wait_for_crashes()?;
        }
        Ok(())
    });
    survived.unwrap_or_else(|error| panic!("{error:#}"));
    let crashes = trial.stage().crashes();
    println!("{crashes} crashes with {} orders in {:?}", rounds.len(), started.elapsed());
    assert_eq!(crashes, possible.len(), "each happened once");
    tell(&impossible);
    let verdict = trial.verdict(PATIENCE).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(verdict.violations, []);
}

/// What was left out, and why.
fn tell(impossible: &[(Crash, &str)]) {
    let mut by_reason = BTreeMap::<_, Vec<_>>::new();
    for (crash, why) in impossible {
        by_reason.entry(why).or_default().push(crash);
    }
    for (why, crashes) in by_reason {
        println!("{} can't be, such as {}: {why}", crashes.len(), crashes[0]);
    }
}
