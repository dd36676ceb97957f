use std::time::Duration;

use contracts::Money;
use providers::{
    ChargeAnswer, PaymentGateway, VoidAnswer,
    simulator::{GatewayLedger, SimulatedGateway, Trouble, cards},
};
use tokio::time::Instant;

use crate::{Place, assert_unavailable, order};

const AMOUNT: Money = Money::eur(100);

fn open(place: &Place, trouble: Trouble) -> (SimulatedGateway, GatewayLedger) {
    let gateway = SimulatedGateway::open(&place.ledger()).expect("opens").with_trouble(trouble);
    (gateway, GatewayLedger::open(&place.ledger()).expect("opens"))
}

#[tokio::test(start_paused = true)]
async fn latency_comes_before_every_call() {
    let place = Place::new();
    let (gateway, _) = open(&place, Trouble { latency: Duration::from_millis(20), ..Trouble::default() });
    let start = Instant::now();
    assert_eq!(gateway.void(order(1)).await, Ok(VoidAnswer::Voided));
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(ChargeAnswer::Voided));
    assert!(start.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn an_outage_has_no_effect_and_a_lost_answer_has() {
    let place = Place::new();
    let (failing, ledger) = open(&place, Trouble { failing_percent: 100, ..Trouble::default() });
    assert_unavailable(&failing.charge(order(1), cards::APPROVED, AMOUNT).await);
    assert_unavailable(&failing.void(order(1)).await);
    assert!(ledger.entries().expect("reads").is_empty());

    let (losing, _) = open(&place, Trouble { lost_percent: 100, ..Trouble::default() });
    assert_unavailable(&losing.charge(order(1), cards::APPROVED, AMOUNT).await);
    assert_unavailable(&losing.refund(order(1), "a refusal is lost too", AMOUNT).await);
    assert_eq!(ledger.total().expect("reads").captures, 1);
}

#[tokio::test]
async fn shares_are_about_right_and_the_same_in_every_run() {
    let trouble = Trouble { failing_percent: 20, lost_percent: 30, ..Trouble::default() };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let place = Place::new();
        let (gateway, ledger) = open(&place, trouble);
        let mut answered = Vec::new();
        for number in 0..500 {
            answered.push(gateway.charge(order(number), cards::APPROVED, AMOUNT).await.is_ok());
        }
        let executed = ledger.total().expect("reads").captures;
        assert!((350..=450).contains(&executed), "80 % of 500, not {executed}");
        let told = answered.iter().filter(|answered| **answered).count();
        assert!((200..=300).contains(&told), "50 % of 500, not {told}");
        runs.push(answered);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn whoever_repeats_gets_through() {
    let place = Place::new();
    let (gateway, ledger) = open(&place, Trouble { failing_percent: 40, lost_percent: 40, ..Trouble::default() });
    for number in 0..50 {
        let mut attempts = 0;
        while gateway.charge(order(number), cards::APPROVED, AMOUNT).await.is_err() {
            attempts += 1;
            assert!(attempts < 200, "order {number} never gets through");
        }
    }
    let entries = ledger.entries().expect("reads");
    assert!(entries.len() == 50 && entries.values().all(|entry| entry.captures == 1), "{entries:?}");
}

#[tokio::test]
async fn trouble_is_caused_and_ended_from_outside_while_the_provider_runs() {
    let place = Place::new();
    let (gateway, ledger) = open(&place, Trouble::default());
    let outage = Trouble { failing_percent: 100, ..Trouble::default() };
    outage.cause(&place.ledger()).expect("written");
    assert_unavailable(&gateway.charge(order(1), cards::APPROVED, AMOUNT).await);
    Trouble::default().cause(&place.ledger()).expect("written");
    assert!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await.is_ok());
    assert_eq!(ledger.total().expect("reads").captures, 1);
}
