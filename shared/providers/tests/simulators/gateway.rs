use std::time::Duration;

use contracts::Money;
use providers::{
    ChargeAnswer, PaymentGateway, RefundAnswer, VoidAnswer,
    simulator::{CarrierLedger, GatewayEntry, GatewayLedger, LedgerError, SLOW_ANSWER, SimulatedGateway, cards},
};
use tokio::time::Instant;

use crate::{Place, assert_refused, assert_unavailable, order};

const AMOUNT: Money = Money::eur(3399);

const CAPTURED_ONCE: GatewayEntry =
    GatewayEntry { captures: 1, captured_minor: 3399, refunds: 0, refunded_minor: 0, voids: 0 };
const REFUNDED_ONCE: GatewayEntry = GatewayEntry { refunds: 1, refunded_minor: 3399, ..CAPTURED_ONCE };
const VOIDED_ONCE: GatewayEntry =
    GatewayEntry { captures: 0, captured_minor: 0, refunds: 0, refunded_minor: 0, voids: 1 };

fn open(place: &Place) -> (SimulatedGateway, GatewayLedger) {
    let gateway = SimulatedGateway::open(&place.ledger()).expect("opens");
    (gateway, GatewayLedger::open(&place.ledger()).expect("opens"))
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
async fn the_token_says_what_happens() {
    let place = Place::new();
    let (gateway, ledger) = open(&place);
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
async fn the_same_key_is_charged_once() {
    let place = Place::new();
    let (gateway, ledger) = open(&place);
    for _ in 0..3 {
        assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
        assert_eq!(gateway.charge(order(2), cards::DECLINED, AMOUNT).await, Ok(declined("card_declined")));
    }
    assert_eq!(ledger.entry(order(1)).expect("reads"), CAPTURED_ONCE);
    assert_eq!(ledger.entry(order(2)).expect("reads"), GatewayEntry::default());
    assert_eq!(ledger.calls_of(order(1)).expect("reads").len(), 3, "a call that changes nothing is logged too");
}

#[tokio::test]
async fn a_key_is_not_for_two_charges() {
    let place = Place::new();
    let (gateway, ledger) = open(&place);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    assert_refused(&gateway.charge(order(1), cards::APPROVED, Money::eur(1)).await);
    assert_refused(&gateway.charge(order(1), cards::DECLINED, AMOUNT).await);
    assert_refused(&gateway.charge(order(2), cards::APPROVED, Money::eur(-1)).await);
    assert_eq!(ledger.total().expect("reads"), CAPTURED_ONCE);
}

#[tokio::test]
async fn the_error_card_is_never_charged_but_can_be_voided() {
    let place = Place::new();
    let (gateway, ledger) = open(&place);
    for _ in 0..5 {
        assert_unavailable(&gateway.charge(order(1), cards::ERROR, AMOUNT).await);
    }
    assert_eq!(ledger.entry(order(1)).expect("reads"), GatewayEntry::default());
    assert_eq!(gateway.void(order(1)).await, Ok(VoidAnswer::Voided));
    assert_eq!(ledger.entry(order(1)).expect("reads"), VOIDED_ONCE);
}

#[tokio::test]
async fn a_lost_answer_is_told_by_the_next_call() {
    let place = Place::new();
    let (gateway, ledger) = open(&place);
    assert_unavailable(&gateway.charge(order(1), cards::FLAKY, AMOUNT).await);
    assert_eq!(ledger.entry(order(1)).expect("reads"), GatewayEntry::default());
    assert_unavailable(&gateway.charge(order(1), cards::FLAKY, AMOUNT).await);
    assert_eq!(ledger.entry(order(1)).expect("reads"), CAPTURED_ONCE, "captured although nobody was told");
    for _ in 0..2 {
        assert_eq!(gateway.charge(order(1), cards::FLAKY, AMOUNT).await, Ok(captured(1)));
    }
    assert_eq!(ledger.entry(order(1)).expect("reads"), CAPTURED_ONCE);
}

#[tokio::test]
async fn a_void_finds_the_capture_whose_answer_was_lost() {
    let place = Place::new();
    let (gateway, _) = open(&place);
    assert_unavailable(&gateway.charge(order(1), cards::FLAKY, AMOUNT).await);
    assert_unavailable(&gateway.charge(order(1), cards::FLAKY, AMOUNT).await);
    assert_eq!(gateway.void(order(1)).await, Ok(VoidAnswer::Captured { capture_id: capture_id(1) }));
}

#[tokio::test]
async fn a_void_before_the_charge_prevents_it() {
    let place = Place::new();
    let (gateway, ledger) = open(&place);
    for (number, card) in [(1, cards::APPROVED), (2, cards::DECLINED), (3, cards::SLOW)] {
        assert_eq!(gateway.void(order(number)).await, Ok(VoidAnswer::Voided));
        assert_eq!(gateway.charge(order(number), card, AMOUNT).await, Ok(ChargeAnswer::Voided), "{card}");
        assert_eq!(gateway.void(order(number)).await, Ok(VoidAnswer::Voided));
        assert_eq!(ledger.entry(order(number)).expect("reads"), VOIDED_ONCE, "{card}");
    }
}

#[tokio::test]
async fn a_void_after_the_charge_tells_how_it_ended() {
    let place = Place::new();
    let (gateway, ledger) = open(&place);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    assert_eq!(gateway.charge(order(2), cards::DECLINED, AMOUNT).await, Ok(declined("card_declined")));
    assert_eq!(gateway.void(order(1)).await, Ok(VoidAnswer::Captured { capture_id: capture_id(1) }));
    assert_eq!(gateway.void(order(2)).await, Ok(VoidAnswer::Declined { code: "card_declined".to_owned() }));
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    assert_eq!(ledger.total().expect("reads"), CAPTURED_ONCE);
}

#[tokio::test(start_paused = true)]
async fn a_void_during_a_slow_charge_wins() {
    let place = Place::new();
    let (gateway, ledger) = open(&place);
    let (charged, voided) =
        tokio::join!(gateway.charge(order(1), cards::SLOW, AMOUNT), async { gateway.void(order(1)).await });
    assert_eq!((charged, voided), (Ok(ChargeAnswer::Voided), Ok(VoidAnswer::Voided)));
    assert_eq!(ledger.entry(order(1)).expect("reads"), VOIDED_ONCE);
    let kinds: Vec<_> = ledger.calls().expect("reads").into_iter().map(|call| call.kind).collect();
    assert_eq!(kinds, ["charge", "void"], "the charge came first");
}

#[tokio::test(start_paused = true)]
async fn a_slow_charge_is_slow_once_and_captures_once() {
    let place = Place::new();
    let (gateway, ledger) = open(&place);
    let start = Instant::now();
    let charge = || gateway.charge(order(1), cards::SLOW, AMOUNT);
    let (first, second) = tokio::join!(charge(), charge());
    assert_eq!((first, second), (Ok(captured(1)), Ok(captured(1))));
    assert!(start.elapsed() >= SLOW_ANSWER);

    let start = Instant::now();
    assert_eq!(charge().await, Ok(captured(1)));
    assert_eq!(start.elapsed(), Duration::ZERO, "what was answered once needs no more work");
    assert_eq!(ledger.entry(order(1)).expect("reads"), CAPTURED_ONCE);
}

#[tokio::test(start_paused = true)]
async fn a_slow_charge_goes_on_when_its_caller_gives_up() {
    let place = Place::new();
    let (gateway, ledger) = open(&place);
    let gateway = gateway.with_slow(Duration::from_mins(1));
    let patience = Duration::from_secs(1);
    let given_up = tokio::time::timeout(patience, gateway.charge(order(1), cards::SLOW, AMOUNT)).await;
    assert!(given_up.is_err());
    assert_eq!(ledger.entry(order(1)).expect("reads"), GatewayEntry::default());

    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(ledger.entry(order(1)).expect("reads"), CAPTURED_ONCE);
    assert_eq!(gateway.charge(order(1), cards::SLOW, AMOUNT).await, Ok(captured(1)));
}

#[tokio::test]
async fn a_capture_is_refunded_once() {
    let place = Place::new();
    let (gateway, ledger) = open(&place);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    let answer = RefundAnswer { refund_id: format!("ref_{:032x}", 1) };
    for _ in 0..3 {
        assert_eq!(gateway.refund(order(1), &capture_id(1), AMOUNT).await, Ok(answer.clone()));
    }
    assert_eq!(ledger.entry(order(1)).expect("reads"), REFUNDED_ONCE);
    assert_refused(&gateway.refund(order(1), &capture_id(1), Money::eur(1)).await);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)), "answers stay as they were");
    assert_eq!(ledger.entry(order(1)).expect("reads"), REFUNDED_ONCE);
}

#[tokio::test]
async fn only_what_was_captured_is_refunded() {
    let place = Place::new();
    let (gateway, ledger) = open(&place);
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
async fn the_ledger_survives_its_process() {
    let place = Place::new();
    let (gateway, _) = open(&place);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    assert_unavailable(&gateway.charge(order(2), cards::FLAKY, AMOUNT).await);
    drop(gateway);

    let (gateway, ledger) = open(&place);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    assert_unavailable(&gateway.charge(order(2), cards::FLAKY, AMOUNT).await);
    assert_eq!(gateway.charge(order(2), cards::FLAKY, AMOUNT).await, Ok(captured(2)), "attempts are counted on");
    let entries: Vec<_> = ledger.entries().expect("reads").into_iter().collect();
    assert_eq!(entries, [(order(1), CAPTURED_ONCE), (order(2), CAPTURED_ONCE)]);
}

#[tokio::test]
async fn the_ledger_is_readable_when_no_gateway_runs() {
    let place = Place::new();
    let (gateway, ledger) = open(&place);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    drop((gateway, ledger));
    let ledger = GatewayLedger::open(&place.ledger()).expect("opens");
    assert_eq!(ledger.total().expect("reads"), CAPTURED_ONCE);
}

#[tokio::test(start_paused = true)]
async fn every_call_is_logged_with_what_it_was_told() {
    let place = Place::new();
    let (gateway, ledger) = open(&place);
    assert_unavailable(&gateway.charge(order(1), cards::FLAKY, AMOUNT).await);
    assert_unavailable(&gateway.charge(order(1), cards::FLAKY, AMOUNT).await);
    assert_eq!(gateway.void(order(2)).await, Ok(VoidAnswer::Voided));
    assert_eq!(gateway.charge(order(1), cards::FLAKY, AMOUNT).await, Ok(captured(1)));
    let calls = ledger.calls_of(order(1)).expect("reads");
    let told: Vec<_> = calls.iter().map(|call| (call.seq, call.answer.as_deref(), call.error.as_deref())).collect();
    let captured = format!(r#"{{"captured":{{"capture_id":"{}"}}}}"#, capture_id(1));
    assert_eq!(
        told,
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
async fn what_is_no_ledger_is_no_empty_ledger() {
    let place = Place::new();
    assert!(matches!(GatewayLedger::open(&place.ledger()), Err(LedgerError::Open { .. })));
    assert!(!place.ledger().exists(), "reading creates nothing");

    let (gateway, _) = open(&place);
    assert_eq!(gateway.charge(order(1), cards::APPROVED, AMOUNT).await, Ok(captured(1)));
    let foreign = CarrierLedger::open(&place.ledger()).expect("opens").total();
    assert!(matches!(foreign, Err(LedgerError::ForeignEffect(_))), "{foreign:?}");
}
