//! Tests with a real broker: it keeps its address across a crash, and its processes end when it is dropped.

use std::path::Path;
use std::time::Duration;

use xtask::broker::probe;
use xtask::{Broker, Progress, Workspace, wait_until};

#[test]
fn broker_keeps_its_address_after_a_crash_and_ends_when_dropped() {
    let workspace = Workspace::find().unwrap();
    let mut broker = Broker::start(&workspace, Progress::quiet()).unwrap();
    let address = broker.bootstrap_servers().to_owned();
    let first = broker.pid().expect("a running process");
    probe::check(&address).unwrap();

    broker.kill().unwrap();
    probe::check(&address).expect_err("the broker was killed");

    broker.restart().unwrap();
    let second = broker.pid().expect("a restarted process");
    assert_ne!(first, second);
    assert_eq!(broker.bootstrap_servers(), address);
    probe::check(&address).unwrap();

    drop(broker);
    probe::check(&address).expect_err("the broker was dropped");
    for process in [first, second].map(|pid| format!("/proc/{pid}")) {
        let gone = wait_until("the end of the process", Duration::from_secs(5), || {
            if Path::new(&process).exists() { Err(format!("{process} exists")) } else { Ok(()) }
        });
        gone.unwrap();
    }
}

#[test]
fn brokers_are_isolated_and_external_ones_cannot_be_killed() {
    let workspace = Workspace::find().unwrap();
    let one = Broker::start(&workspace, Progress::quiet()).unwrap();
    let two = Broker::start(&workspace, Progress::quiet()).unwrap();
    assert_ne!(one.bootstrap_servers(), two.bootstrap_servers());

    let mut foreign = Broker::external(one.bootstrap_servers()).unwrap();
    let error = foreign.kill().expect_err("not started by this program").to_string();
    assert!(error.contains("refusing to manage"), "{error}");
    drop(foreign);
    probe::check(one.bootstrap_servers()).unwrap();
    probe::check(two.bootstrap_servers()).unwrap();
}
