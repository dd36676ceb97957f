use std::time::Duration;

use contracts::Money;
use providers::{
    ChargeAnswer, PaymentGateway, RefundAnswer, VoidAnswer,
    simulator::{CarrierLedger, GatewayLedger, GatewayTotals, LedgerError, SimulatedGateway, cards},
};
use tokio::time::Instant;

use crate::{SLOW, TempLedger, assert_refused, assert_unavailable, order, wait_until};

const AMOUNT: Money = Money::eur(3399);

const CAPTURED_ONCE: GatewayTotals =
    GatewayTotals { captures: 1, captured_minor: 3399, refunds: 0, refunded_minor: 0, voids: 0 };
const REFUNDED_ONCE: GatewayTotals = GatewayTotals { refunds: 1, refunded_minor: 3399, ..CAPTURED_ONCE };
const VOIDED_ONCE: GatewayTotals =
    GatewayTotals { captures: 0, captured_minor: 0, refunds: 0, refunded_minor: 0, voids: 1 };

fn open(temp: &TempLedger) -> (SimulatedGateway, GatewayLedger) {
    let gateway = SimulatedGateway::open(&temp.path()).expect("opens");
    (gateway, GatewayLedger::open(&temp.path()).expect("opens"))
}

fn captured(number: u128) -> ChargeAnswer {
    ChargeAnswer::Captured { capture_id: capture_id(number) }
}

fn capture_id(number: u128) -> String {
    format!("cap_{number:032x}")
}

fn declined(code: &str) -> ChargeAnswer {
    ChargeAnswer::Declined { code: code.to_owned() }
}

#[tokio::test]
async fn token_selects_the_outcome() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp);
    let one_more = format!("{}0", cards::APPROVED);
    let cases = [
        (1, cards::APPROVED, captured(1)),
        (2, cards::DECLINED, declined("card_declined")),
        (3, cards::INSUFFICIENT_FUNDS, declined("insufficient_funds")),
        (4, "", declined("invalid_token")),
        (5, &one_more, declined("invalid_token")),
    ];
    for (number, card, answer) in cases {
        assert_eq!(gateway.charge(order(number), card, AMOUNT).await, Ok(answer), "{card}");
    }
    assert_eq!(ledger.total().expect("reads"), CAPTURED_ONCE);
}

#[tokio::test]
async fn key_is_charged_once() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp);
    for _ in 0..3 {
        assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
        assert_eq!(gateway.charge(order(2), cards::DECLINED, AMOUNT).await, Ok(declined("card_declined")));
    }
    assert_eq!(ledger.entry(order(1)).expect("reads"), CAPTURED_ONCE);
    assert_eq!(ledger.entry(order(2)).expect("reads"), GatewayTotals::default());
    assert_eq!(ledger.calls_of(order(1)).expect("reads").len(), 3, "calls without effect are logged, too");
}

#[tokio::test]
async fn key_is_refused_for_another_charge() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    assert_refused(&gateway.charge(order(1), cards::APPROVED, Money::eur(1)).await);
    assert_refused(&gateway.charge(order(1), cards::DECLINED, AMOUNT).await);
    assert_refused(&gateway.charge(order(2), cards::APPROVED, Money::eur(-1)).await);
    assert_eq!(ledger.total().expect("reads"), CAPTURED_ONCE);
}

#[tokio::test]
async fn error_card_is_never_charged_but_can_be_voided() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp);
    for _ in 0..5 {
        assert_unavailable(&gateway.charge(order(1), cards::ERROR, AMOUNT).await);
    }
    assert_eq!(ledger.entry(order(1)).expect("reads"), GatewayTotals::default());
    assert_eq!(gateway.void(order(1)).await, Ok(VoidAnswer::Voided));
    assert_eq!(ledger.entry(order(1)).expect("reads"), VOIDED_ONCE);
}

#[tokio::test]
async fn lost_answer_is_returned_by_the_next_call() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp);
    assert_unavailable(&gateway.charge(order(1), cards::FLAKY, AMOUNT).await);
    assert_eq!(ledger.entry(order(1)).expect("reads"), GatewayTotals::default());
    assert_unavailable(&gateway.charge(order(1), cards::FLAKY, AMOUNT).await);
    assert_eq!(ledger.entry(order(1)).expect("reads"), CAPTURED_ONCE, "captured despite the lost answer");
    for _ in 0..2 {
        assert_eq!(gateway.charge(order(1), cards::FLAKY, AMOUNT).await, Ok(captured(1)));
    }
    assert_eq!(ledger.entry(order(1)).expect("reads"), CAPTURED_ONCE);
}

#[tokio::test]
async fn void_finds_a_capture_with_lost_answer() {
    let temp = TempLedger::new();
    let (gateway, _) = open(&temp);
    assert_unavailable(&gateway.charge(order(1), cards::FLAKY, AMOUNT).await);
    assert_unavailable(&gateway.charge(order(1), cards::FLAKY, AMOUNT).await);
    assert_eq!(gateway.void(order(1)).await, Ok(VoidAnswer::Captured { capture_id: capture_id(1) }));
}

#[tokio::test]
async fn void_before_the_charge_prevents_it() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp);
    for (number, card) in [(1, cards::APPROVED), (2, cards::DECLINED), (3, cards::SLOW)] {
        assert_eq!(gateway.void(order(number)).await, Ok(VoidAnswer::Voided));
        assert_eq!(gateway.charge(order(number), card, AMOUNT).await, Ok(ChargeAnswer::Voided), "{card}");
        assert_eq!(gateway.void(order(number)).await, Ok(VoidAnswer::Voided));
        assert_eq!(ledger.entry(order(number)).expect("reads"), VOIDED_ONCE, "{card}");
    }
}

#[tokio::test]
async fn void_after_the_charge_returns_its_outcome() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    assert_eq!(gateway.charge(order(2), cards::DECLINED, AMOUNT).await, Ok(declined("card_declined")));
    assert_eq!(gateway.void(order(1)).await, Ok(VoidAnswer::Captured { capture_id: capture_id(1) }));
    assert_eq!(gateway.void(order(2)).await, Ok(VoidAnswer::Declined { code: "card_declined".to_owned() }));
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    assert_eq!(ledger.total().expect("reads"), CAPTURED_ONCE);
}

#[tokio::test]
async fn void_wins_when_charge_is_slow() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp);
    let gateway = gateway.with_slow(SLOW);
    let (charged, voided) =
        tokio::join!(gateway.charge(order(1), cards::SLOW, AMOUNT), async { gateway.void(order(1)).await });
    assert_eq!((charged, voided), (Ok(ChargeAnswer::Voided), Ok(VoidAnswer::Voided)));
    assert_eq!(ledger.entry(order(1)).expect("reads"), VOIDED_ONCE);
    let kinds: Vec<_> = ledger.calls().expect("reads").into_iter().map(|call| call.kind).collect();
    assert_eq!(kinds, ["charge", "void"], "the charge came first");
}

#[tokio::test]
async fn slow_charge_is_slow_once_and_captures_once() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp);
    let gateway = gateway.with_slow(SLOW);
    let start = Instant::now();
    let charge = || gateway.charge(order(1), cards::SLOW, AMOUNT);
    let (first, second) = tokio::join!(charge(), charge());
    assert_eq!((first, second), (Ok(captured(1)), Ok(captured(1))));
    assert!(start.elapsed() >= SLOW);

    let start = Instant::now();
    assert_eq!(charge().await, Ok(captured(1)));
    assert!(start.elapsed() < SLOW, "a recorded answer is returned at once");
    assert_eq!(ledger.entry(order(1)).expect("reads"), CAPTURED_ONCE);
}

#[tokio::test]
async fn slow_charge_continues_when_its_caller_gives_up() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp);
    let gateway = gateway.with_slow(SLOW);
    let given_up = tokio::time::timeout(SLOW / 10, gateway.charge(order(1), cards::SLOW, AMOUNT)).await;
    assert!(given_up.is_err());
    assert_eq!(ledger.entry(order(1)).expect("reads"), GatewayTotals::default());

    wait_until(|| ledger.entry(order(1)).expect("reads") == CAPTURED_ONCE).await;
    assert_eq!(ledger.entry(order(1)).expect("reads"), CAPTURED_ONCE);
    assert_eq!(gateway.charge(order(1), cards::SLOW, AMOUNT).await, Ok(captured(1)));
}

#[tokio::test]
async fn capture_is_refunded_once() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    let answer = RefundAnswer { refund_id: format!("ref_{:032x}", 1) };
    for _ in 0..3 {
        assert_eq!(gateway.refund(order(1), &capture_id(1), AMOUNT).await, Ok(answer.clone()));
    }
    assert_eq!(ledger.entry(order(1)).expect("reads"), REFUNDED_ONCE);
    assert_refused(&gateway.refund(order(1), &capture_id(1), Money::eur(1)).await);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)), "the answer does not change");
    assert_eq!(ledger.entry(order(1)).expect("reads"), REFUNDED_ONCE);
}

#[tokio::test]
async fn only_captures_are_refunded() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp);
    assert_refused(&gateway.refund(order(1), &capture_id(1), AMOUNT).await);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    assert_eq!(gateway.charge(order(2), cards::DECLINED, AMOUNT).await, Ok(declined("card_declined")));
    assert_eq!(gateway.void(order(3)).await, Ok(VoidAnswer::Voided));

    let usd = Money { currency: "USD".parse().expect("a currency"), ..AMOUNT };
    for amount in [Money::eur(1), Money::eur(3400), Money::eur(-3399), usd] {
        assert_refused(&gateway.refund(order(1), &capture_id(1), amount).await);
    }
    for number in 1..=3 {
        assert_refused(&gateway.refund(order(number), "cap_unknown", AMOUNT).await);
    }
    assert_refused(&gateway.refund(order(2), &capture_id(1), AMOUNT).await);
    assert_refused(&gateway.refund(order(2), &capture_id(2), AMOUNT).await);
    assert_refused(&gateway.refund(order(3), &capture_id(3), AMOUNT).await);
    assert_eq!(ledger.total().expect("reads").refunds, 0);
}

#[tokio::test]
async fn ledger_survives_its_process() {
    let temp = TempLedger::new();
    let (gateway, _) = open(&temp);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    assert_unavailable(&gateway.charge(order(2), cards::FLAKY, AMOUNT).await);
    drop(gateway);

    let (gateway, ledger) = open(&temp);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    assert_unavailable(&gateway.charge(order(2), cards::FLAKY, AMOUNT).await);
    assert_eq!(
        gateway.charge(order(2), cards::FLAKY, AMOUNT).await,
        Ok(captured(2)),
        "attempts are counted across processes"
    );
    let entries: Vec<_> = ledger.entries().expect("reads").into_iter().collect();
    assert_eq!(entries, [(order(1), CAPTURED_ONCE), (order(2), CAPTURED_ONCE)]);
}

#[tokio::test]
async fn ledger_is_readable_without_a_running_gateway() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    drop((gateway, ledger));
    let ledger = GatewayLedger::open(&temp.path()).expect("opens");
    assert_eq!(ledger.total().expect("reads"), CAPTURED_ONCE);
}

#[tokio::test]
async fn every_call_is_logged_with_its_answer() {
    let temp = TempLedger::new();
    let (gateway, ledger) = open(&temp);
    assert_unavailable(&gateway.charge(order(1), cards::FLAKY, AMOUNT).await);
    assert_unavailable(&gateway.charge(order(1), cards::FLAKY, AMOUNT).await);
    assert_eq!(gateway.void(order(2)).await, Ok(VoidAnswer::Voided));
    assert_eq!(gateway.charge(order(1), cards::FLAKY, AMOUNT).await, Ok(captured(1)));
    let calls = ledger.calls_of(order(1)).expect("reads");
    let answers: Vec<_> = calls.iter().map(|call| (call.seq, call.answer.as_deref(), call.error.as_deref())).collect();
    let captured = format!(r#"{{"captured":{{"capture_id":"{}"}}}}"#, capture_id(1));
    assert_eq!(
        answers,
        [
            (1, None, Some("provider unavailable: out of service")),
            (2, None, Some("provider unavailable: the answer was lost")),
            (4, Some(captured.as_str()), None),
        ]
    );
    assert_eq!(ledger.calls().expect("reads").len(), 4);
    assert!(calls.iter().all(|call| call.time.len() == "2026-11-01T00:00:00.000Z".len() && call.kind == "charge"));

    let unfinished = tokio::spawn(async move { gateway.charge(order(3), cards::SLOW, AMOUNT).await });
    let arrived = async {
        loop {
            match ledger.calls_of(order(3)).expect("reads") {
                calls if calls.is_empty() => tokio::task::yield_now().await,
                calls => break calls,
            }
        }
    };
    let calls = tokio::time::timeout(Duration::from_secs(10), arrived).await.expect("the call is logged");
    unfinished.abort();
    assert!(matches!(calls.as_slice(), [call] if call.answer.is_none() && call.error.is_none()), "{calls:?}");
}

#[tokio::test]
async fn missing_or_foreign_ledger_is_an_error() {
    let temp = TempLedger::new();
    assert!(matches!(GatewayLedger::open(&temp.path()), Err(LedgerError::Open { .. })));
    assert!(!temp.path().exists(), "reading creates nothing");

    let (gateway, _) = open(&temp);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    let foreign = CarrierLedger::open(&temp.path()).expect("opens").total();
    assert!(matches!(foreign, Err(LedgerError::ForeignEffect(_))), "{foreign:?}");
}
