//! The payment service's column of the saga table, and what holds whatever happens.

#[path = "../../order/tests/support/mod.rs"]
mod support;

use contracts::{
    CancelReason,
    payment::{PaymentCaptured, PaymentDeclined, PaymentEvent, PaymentRefunded, PaymentVoided},
};
use decider::{LogEvent, SagaMetric, Service, StreamId};
use payment::{
    decider::{Charge, Command, Due, Event, Payment, PaymentStep, Stage, State},
    policy::{GatewayCall, PAYMENTS},
};
use proptest::{prelude::*, sample::select};
use support::{
    CARD, Case, ORDER, TOTAL, order_placed, reactions, shipment_cancelled, shipment_rejected, stock_reserved,
};

const REASONS: [CancelReason; 2] = [CancelReason::Customer, CancelReason::DeadlinePassed];

fn given(events: impl IntoIterator<Item = Event>) -> Case<Payment> {
    Case::new(|_| true).given(events)
}

fn due() -> Due {
    Due { order_id: ORDER, amount: TOTAL, card: CARD.into() }
}

fn due_noted() -> Event {
    LogEvent::Internal(PaymentStep::DueNoted(due()))
}

fn reservation_noted() -> Event {
    LogEvent::Internal(PaymentStep::ReservationNoted { order_id: ORDER })
}

fn charge_started() -> Event {
    LogEvent::Internal(PaymentStep::ChargeStarted(due()))
}

fn void_started(reason: CancelReason) -> Event {
    LogEvent::Internal(PaymentStep::VoidStarted { order_id: ORDER, reason })
}

fn refund_started(reason: CancelReason) -> Event {
    LogEvent::Internal(PaymentStep::RefundStarted {
        order_id: ORDER,
        capture_id: "cap_1".into(),
        amount: TOTAL,
        reason,
    })
}

fn captured() -> Event {
    LogEvent::Public(PaymentCaptured { order_id: ORDER, capture_id: "cap_1".into(), amount: TOTAL }.into())
}

fn declined(code: &str) -> Event {
    LogEvent::Public(PaymentDeclined { order_id: ORDER, code: code.into() }.into())
}

fn voided(reason: CancelReason) -> Event {
    LogEvent::Public(PaymentVoided { order_id: ORDER, reason }.into())
}

fn refunded(reason: CancelReason) -> Event {
    let (capture_id, refund_id) = ("cap_1".into(), "ref_1".into());
    LogEvent::Public(PaymentRefunded { order_id: ORDER, capture_id, refund_id, amount: TOTAL, reason }.into())
}

/// The stages, as the events that lead to them.
fn charging() -> Vec<Event> {
    vec![due_noted(), reservation_noted(), charge_started()]
}

fn charged() -> Vec<Event> {
    [charging(), vec![captured()]].concat()
}

fn voiding(reason: CancelReason) -> Vec<Event> {
    [charging(), vec![void_started(reason)]].concat()
}

fn refunding(reason: CancelReason) -> Vec<Event> {
    [charged(), vec![refund_started(reason)]].concat()
}

/// The gateway says that a charge was captured, declined, or called off.
fn gateway_says_captured() -> Command {
    Command::SettleCharge { order_id: ORDER, charge: Charge::Captured { capture_id: "cap_1".into() } }
}

fn gateway_says_declined() -> Command {
    Command::SettleCharge { order_id: ORDER, charge: Charge::Declined { code: "card_declined".into() } }
}

fn gateway_says_voided() -> Command {
    Command::SettleCharge { order_id: ORDER, charge: Charge::Voided }
}

fn gateway_says_refunded() -> Command {
    Command::SettleRefund { order_id: ORDER, refund_id: "ref_1".into() }
}

fn answers() -> [Command; 4] {
    [gateway_says_captured(), gateway_says_declined(), gateway_says_voided(), gateway_says_refunded()]
}

fn state(case: &Case<Payment>) -> State {
    case.state(&Command::Charge(ORDER))
}

// The saga table

#[test]
fn it_reacts_to_what_the_saga_table_says() {
    assert_eq!(reactions::<Payment>(), ["OrderPlaced", "StockReserved", "ShipmentRejected", "ShipmentCancelled"]);
}

#[test]
fn a_placed_order_is_what_to_charge() {
    given([]).when(order_placed()).then([due_noted()]);
}

#[test]
fn reserved_stock_of_a_known_order_is_charged() {
    given([due_noted()]).when(stock_reserved()).then([reservation_noted(), charge_started()]);
}

#[test]
fn reserved_stock_waits_for_its_order() {
    given([])
        .when(stock_reserved())
        .then([reservation_noted()])
        .when(order_placed())
        .then([due_noted(), charge_started()]);
}

#[test]
fn a_rejected_shipment_is_refunded() {
    given(charged()).when(shipment_rejected()).then([refund_started(CancelReason::ShipmentRejected)]);
}

#[test]
fn a_cancelled_shipment_is_refunded_when_it_was_charged() {
    for reason in REASONS {
        given(charged()).when(shipment_cancelled(reason)).then([refund_started(reason)]);
    }
}

#[test]
fn a_cancelled_shipment_is_voided_when_nothing_was_charged() {
    for reason in REASONS {
        for known in [vec![], vec![due_noted()], vec![reservation_noted()]] {
            given(known).when(shipment_cancelled(reason)).then([voided(reason)]);
        }
    }
}

#[test]
fn a_charge_under_way_is_called_off_when_the_shipment_is_cancelled() {
    for reason in REASONS {
        given(charging()).when(shipment_cancelled(reason)).then([void_started(reason)]);
    }
}

#[test]
fn a_declined_charge_has_nothing_to_give_back() {
    given(charging())
        .given([declined("card_declined")])
        .when(shipment_cancelled(CancelReason::Customer))
        .then([])
        .when(shipment_rejected())
        .then([]);
}

// The gateway's answers

#[test]
fn a_charge_is_captured_or_declined() {
    given(charging()).told(&gateway_says_captured()).then([captured()]);
    given(charging()).told(&gateway_says_declined()).then([declined("card_declined")]);
}

#[test]
fn a_charge_that_somebody_voided_at_the_provider_is_declined() {
    given(charging()).told(&gateway_says_voided()).then([declined("voided")]);
}

#[test]
fn a_charge_called_off_in_time_is_voided() {
    given(voiding(CancelReason::Customer)).told(&gateway_says_voided()).then([voided(CancelReason::Customer)]);
}

#[test]
fn a_charge_called_off_too_late_is_captured_and_refunded() {
    given(voiding(CancelReason::Customer))
        .told(&gateway_says_captured())
        .then([captured(), refund_started(CancelReason::Customer)])
        .told(&gateway_says_refunded())
        .then([refunded(CancelReason::Customer)]);
}

#[test]
fn a_charge_declined_while_it_was_called_off_is_declined() {
    given(voiding(CancelReason::Customer)).told(&gateway_says_declined()).then([declined("card_declined")]);
}

#[test]
fn a_refund_carries_the_reason_it_was_asked_for() {
    for reason in REASONS {
        given(refunding(reason)).told(&gateway_says_refunded()).then([refunded(reason)]);
    }
}

/// Both the charge and the void that called it off are answered, in either order; the first answer settles it.
#[test]
fn the_second_of_two_answers_is_nothing() {
    let to_a_charge = [gateway_says_captured(), gateway_says_declined(), gateway_says_voided()];
    for first in &to_a_charge {
        for second in &to_a_charge {
            given(voiding(CancelReason::Customer)).told(first).told(second).then([]);
            given(charging()).told(first).told(second).then([]);
        }
    }
}

#[test]
fn an_answer_that_nobody_waits_for_is_nothing() {
    let settled = [
        vec![],
        vec![due_noted()],
        vec![reservation_noted()],
        vec![voided(CancelReason::Customer)],
        [charging(), vec![declined("card_declined")]].concat(),
        [refunding(CancelReason::Customer), vec![refunded(CancelReason::Customer)]].concat(),
        [voiding(CancelReason::Customer), vec![voided(CancelReason::Customer)]].concat(),
    ];
    for events in settled {
        for answer in answers() {
            given(events.clone()).told(&answer).then([]);
        }
    }
    given(charging()).told(&gateway_says_refunded()).then([]);
    given(charged()).told(&gateway_says_refunded()).then([]);
    given(voiding(CancelReason::Customer)).told(&gateway_says_refunded()).then([]);
}

// What comes late, early, or again

#[test]
fn a_cancellation_before_the_order_leaves_a_tombstone() {
    given([])
        .when(shipment_cancelled(CancelReason::Customer))
        .then([voided(CancelReason::Customer)])
        .when(order_placed())
        .then([])
        .when(stock_reserved())
        .then([]);
}

#[test]
fn a_cancellation_between_order_and_stock_leaves_a_tombstone() {
    given([due_noted()])
        .when(shipment_cancelled(CancelReason::Customer))
        .then([voided(CancelReason::Customer)])
        .when(stock_reserved())
        .then([]);
}

#[test]
fn whatever_comes_again_is_nothing() {
    given([])
        .when(order_placed())
        .when(order_placed())
        .then([])
        .when(stock_reserved())
        .when(stock_reserved())
        .then([])
        .when(order_placed())
        .then([])
        .told(&gateway_says_captured())
        .told(&gateway_says_captured())
        .then([])
        .when(stock_reserved())
        .then([])
        .when(shipment_rejected())
        .when(shipment_rejected())
        .then([])
        .told(&gateway_says_refunded())
        .told(&gateway_says_refunded())
        .then([])
        .when(shipment_rejected())
        .then([])
        .when(stock_reserved())
        .then([]);
}

#[test]
fn a_second_reason_to_undo_changes_nothing() {
    for events in
        [voiding(CancelReason::Customer), refunding(CancelReason::Customer), vec![voided(CancelReason::Customer)]]
    {
        given(events)
            .when(shipment_rejected())
            .then([])
            .when(shipment_cancelled(CancelReason::DeadlinePassed))
            .then([]);
    }
}

// Calls

#[test]
fn each_start_is_a_call_to_the_gateway_and_nothing_else_is() {
    let refund = GatewayCall::Refund { order_id: ORDER, capture_id: "cap_1".into(), amount: TOTAL };
    assert_eq!(Payment::intent(&charge_started()), Some(GatewayCall::Charge(due())));
    assert_eq!(Payment::intent(&void_started(CancelReason::Customer)), Some(GatewayCall::Void(ORDER)));
    assert_eq!(Payment::intent(&refund_started(CancelReason::Customer)), Some(refund));
    let reason = CancelReason::Customer;
    for event in [due_noted(), reservation_noted(), captured(), declined("no"), voided(reason), refunded(reason)] {
        assert_eq!(Payment::intent(&event), None);
    }
}

#[test]
fn a_call_survives_the_database() {
    let refund = Payment::intent(&refund_started(CancelReason::Customer));
    for call in [Some(GatewayCall::Charge(due())), Some(GatewayCall::Void(ORDER)), refund] {
        let json = serde_json::to_string(&call).expect("an intent is JSON");
        assert_eq!(serde_json::from_str::<Option<GatewayCall>>(&json).expect("reads"), call);
    }
}

#[test]
fn payment_has_no_timers() {
    assert_eq!(Payment::next_timer(&state(&given(charging()))), None);
    assert!(Payment::on_timer(&StreamId::of_order(PAYMENTS, ORDER)).is_none());
}

#[test]
fn one_word_says_how_far_the_payment_is() {
    let reason = CancelReason::Customer;
    let words = [
        (vec![], "waiting"),
        (charging(), "charging"),
        (charged(), "captured"),
        (voiding(reason), "voiding"),
        (refunding(reason), "refunding"),
        (vec![declined("no")], "declined"),
        (vec![voided(reason)], "voided"),
        (vec![refunded(reason)], "refunded"),
    ];
    for (events, word) in words {
        assert_eq!(Payment::status(&state(&given(events))), word);
    }
}

// What others watch

#[test]
fn money_that_is_given_back_or_never_taken_is_counted_as_undone() {
    let reason = CancelReason::Customer;
    let milestone = |event| Payment::metric(&State::default(), &event);
    assert_eq!(milestone(refunded(reason)), Some(SagaMetric::Undone(reason)));
    assert_eq!(milestone(voided(reason)), Some(SagaMetric::Undone(reason)));
    for event in [refunding(reason), voiding(reason), vec![declined("no")]].concat() {
        assert_eq!(milestone(event), None);
    }
}

// Whatever happens

fn any_command() -> impl Strategy<Value = Command> {
    let undo = select(vec![CancelReason::Customer, CancelReason::ShipmentRejected])
        .prop_map(|reason| Command::Undo { order_id: ORDER, reason });
    let others = [Command::Remember(due()), Command::Charge(ORDER)];
    prop_oneof![2 => select(others.to_vec()), 1 => undo, 2 => select(answers().to_vec())]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn whatever_happens_an_order_is_charged_once_at_most_and_an_undone_one_keeps_nothing(
        commands in proptest::collection::vec(any_command(), 1..30),
    ) {
        let mut case = given([]);
        let mut log = vec![];
        let mut accepted = (0, 0);
        let mut undone = false;
        for command in &commands {
            let events = case.tell(command);
            match command {
                Command::SettleCharge { .. } if !events.is_empty() => accepted.0 += 1,
                Command::SettleRefund { .. } if !events.is_empty() => accepted.1 += 1,
                Command::Undo { .. } => undone = true,
                _ => {}
            }
            log.extend(events);
            let stage = state(&case).stage;
            let keeps = matches!(stage, Stage::Waiting | Stage::Charging | Stage::Captured { .. });
            prop_assert!(!(undone && keeps), "undone, and yet {:?}", stage);
        }
        let count = |what: fn(&Event) -> bool| log.iter().filter(|event| what(event)).count();
        let charges = count(|event| matches!(event, LogEvent::Internal(PaymentStep::ChargeStarted(_))));
        let captures = count(|event| matches!(event, LogEvent::Public(PaymentEvent::PaymentCaptured(_))));
        let refunds = count(|event| matches!(event, LogEvent::Internal(PaymentStep::RefundStarted { .. })));
        prop_assert!(refunds <= captures && captures <= charges && charges <= 1, "{:?}", log);
        prop_assert!(accepted.0 <= charges && accepted.1 <= refunds, "each call is answered once at most: {:?}", log);
        prop_assert!(only_after(&log, &charge_started(), |event| matches!(event, LogEvent::Internal(PaymentStep::DueNoted(_)))));
        prop_assert!(only_after(&log, &charge_started(), |event| *event == reservation_noted()));
    }
}

/// Whether something happened before `event`, if that happened.
fn only_after(log: &[Event], event: &Event, earlier: impl Fn(&Event) -> bool) -> bool {
    log.iter().position(|logged| logged == event).is_none_or(|place| log[..place].iter().any(earlier))
}
