//! Several processes on one ledger, some of which are killed.

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

use crate::{TempLedger, order};

const AMOUNT: Money = Money::eur(100);
/// Relative to the working directory of the child process.
const LEDGER: &str = "ledger.db";
const KEYS: u128 = 200_000;

#[test]
fn new_ledger_is_opened_by_many_at_once() {
    for _ in 0..20 {
        let temp = TempLedger::new();
        let start = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    SimulatedGateway::open(&temp.path()).expect("opens");
                });
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_handles_charge_each_key_once() {
    let temp = TempLedger::new();
    let handles = [(); 2].map(|()| SimulatedGateway::open(&temp.path()).expect("opens"));
    let mut charges = JoinSet::new();
    for number in 0..100 {
        for gateway in handles.iter().cycle().take(4) {
            let gateway = gateway.clone();
            charges.spawn(async move { gateway.charge(order(number), cards::APPROVED, AMOUNT).await });
        }
    }
    let answers = charges.join_all().await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_each_charged_once(&temp.path(), 100);
    assert_eq!(GatewayLedger::open(&temp.path()).expect("opens").calls().expect("reads").len(), 400);
}

#[tokio::test]
async fn killed_processes_leave_a_consistent_ledger() {
    let temp = TempLedger::new();
    let gateway = SimulatedGateway::open(&temp.path()).expect("opens");
    let ledger = GatewayLedger::open(&temp.path()).expect("opens");
    for round in 1..=3 {
        let children = [(); 2].map(|()| charging_process(&temp));
        wait_until(|| ledger.total().expect("reads").captures > round * 300);
        for mut child in children {
            assert!(child.try_wait().expect("waits").is_none(), "killed while working");
            child.kill().expect("kills");
            child.wait().expect("waits");
        }
    }
    let charged = ledger.entries().expect("reads").len() as u128;
    assert!(charged < KEYS, "killed while working");
    for number in 0..charged + 10 {
        gateway.charge(order(number), cards::APPROVED, AMOUNT).await.expect("charges");
    }
    assert_each_charged_once(&temp.path(), charged + 10);
}

/// Charges key after key until it is killed. Runs as a process of the test above.
#[tokio::test]
#[ignore = "runs only as a process of the test above"]
async fn charge_until_killed() {
    if !Path::new(LEDGER).exists() {
        return;
    }
    let gateway = SimulatedGateway::open(Path::new(LEDGER)).expect("opens");
    for number in 0..KEYS {
        gateway.charge(order(number), cards::APPROVED, AMOUNT).await.expect("charges");
    }
}

fn charging_process(temp: &TempLedger) -> Child {
    Command::new(std::env::current_exe().expect("the test program"))
        .args(["--exact", "processes::charge_until_killed", "--ignored"])
        .current_dir(temp.directory.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("starts")
}

#[track_caller]
fn wait_until(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_mins(1), "condition not met in time");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[track_caller]
fn assert_each_charged_once(ledger: &Path, keys: u128) {
    let entries = GatewayLedger::open(ledger).expect("opens").entries().expect("reads");
    assert_eq!(entries.len() as u128, keys);
    let wrong: Vec<_> = entries.iter().filter(|(_, entry)| entry.captures != 1).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
