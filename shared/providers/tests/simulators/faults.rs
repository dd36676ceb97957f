use std::time::Duration;

use contracts::Money;
use providers::{
    ChargeAnswer, PaymentGateway, VoidAnswer,
    simulator::{FaultProfile, GatewayLedger, SimulatedGateway, cards},
};
use tokio::time::Instant;

use crate::{TempLedger, assert_unavailable, order};

const AMOUNT: Money = Money::eur(100);

fn open(temp: &TempLedger, faults: FaultProfile) -> (SimulatedGateway, GatewayLedger) {
    let gateway = SimulatedGateway::open(&temp.path()).expect("opens").with_faults(faults);
    (gateway, GatewayLedger::open(&temp.path()).expect("opens"))
}

#[tokio::test]
async fn latency_precedes_every_call() {
    let temp = TempLedger::new();
    let (gateway, _) = open(&temp, FaultProfile { latency: Duration::from_millis(20), ..FaultProfile::default() });
    let start = Instant::now();
    assert_eq!(gateway.void(order(1)).await, Ok(VoidAnswer::Voided));
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(ChargeAnswer::Voided));
    assert!(start.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn outage_has_no_effect_but_a_lost_answer_has() {
    let temp = TempLedger::new();
    let (failing, ledger) = open(&temp, FaultProfile { failing_percent: 100, ..FaultProfile::default() });
    assert_unavailable(&failing.charge(order(1), cards::APPROVED, AMOUNT).await);
    assert_unavailable(&failing.void(order(1)).await);
    assert!(ledger.entries().expect("reads").is_empty());

    let (losing, _) = open(&temp, FaultProfile { lost_percent: 100, ..FaultProfile::default() });
    assert_unavailable(&losing.charge(order(1), cards::APPROVED, AMOUNT).await);
    assert_unavailable(&losing.refund(order(1), "a refusal is lost, too", AMOUNT).await);
    assert_eq!(ledger.total().expect("reads").captures, 1);
}

#[tokio::test]
async fn fault_shares_are_accurate_and_repeatable() {
    let faults = FaultProfile { failing_percent: 20, lost_percent: 30, ..FaultProfile::default() };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let temp = TempLedger::new();
        let (gateway, ledger) = open(&temp, faults);
        let mut answered = Vec::new();
        for number in 0..500 {
            answered.push(gateway.charge(order(number), cards::APPROVED, AMOUNT).await.is_ok());
        }
        let executed = ledger.total().expect("reads").captures;
        assert!((350..=450).contains(&executed), "80 % of 500, not {executed}");
        let successes = answered.iter().filter(|answered| **answered).count();
        assert!((200..=300).contains(&successes), "50 % of 500, not {successes}");
        runs.push(answered);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn repeated_calls_succeed_eventually() {
    let temp = TempLedger::new();
    let (gateway, ledger) =
        open(&temp, FaultProfile { failing_percent: 40, lost_percent: 40, ..FaultProfile::default() });
    for number in 0..50 {
        let mut attempts = 0;
        while gateway.charge(order(number), cards::APPROVED, AMOUNT).await.is_err() {
            attempts += 1;
            assert!(attempts < 200, "order {number} never succeeds");
        }
    }
    let entries = ledger.entries().expect("reads");
    assert!(entries.len() == 50 && entries.values().all(|entry| entry.captures == 1), "{entries:?}");
}

#[tokio::test]
async fn faults_can_be_injected_into_a_running_provider() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp, FaultProfile::default());
    let outage = FaultProfile { failing_percent: 100, ..FaultProfile::default() };
    outage.inject(&temp.path()).expect("written");
    assert_unavailable(&gateway.charge(order(1), cards::APPROVED, AMOUNT).await);
    FaultProfile::default().inject(&temp.path()).expect("written");
    assert!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await.is_ok());
    assert_eq!(ledger.total().expect("reads").captures, 1);
}
