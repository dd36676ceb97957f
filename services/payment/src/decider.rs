//! The payment of an order: charged at most once, and refunded if the order is cancelled.
//!
//! An order is charged once its amount is known and its stock is reserved, in either order.

use contracts::{
    CancelReason, Money, OrderId,
    payment::{PaymentCaptured, PaymentDeclined, PaymentEvent, PaymentRefunded, PaymentVoided},
};
use decider::{Decider, LogEvent};
use serde::{Deserialize, Serialize};

/// The payment service's pure core.
pub struct Payment;

#[derive(Debug, Clone, strum::IntoStaticStr)]
pub enum Command {
    /// Record the amount due for a new order.
    RecordOrder(AmountDue),
    /// Charge the order, because its stock is reserved.
    Charge(OrderId),
    /// Refund the order, or void its charge.
    Compensate { order_id: OrderId, reason: CancelReason },
    /// Record the gateway's response to a charge or void.
    RecordCharge { order_id: OrderId, result: ChargeResult },
    /// Record the gateway's response to a refund.
    RecordRefund { order_id: OrderId, refund_id: String },
}

/// The amount due for an order, and the card to charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountDue {
    pub order_id: OrderId,
    pub amount: Money,
    /// The payment provider's token for the card.
    pub card: String,
}

/// State of a charge at the gateway, which identifies it by the order's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeResult {
    Captured {
        /// The gateway's id of the capture.
        capture_id: String,
    },
    Declined {
        /// The gateway's reason, such as `insufficient_funds`.
        code: String,
    },
    Voided,
}

/// Internal events. The names are storage format; older names are aliases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum PaymentStep {
    #[serde(alias = "DueNoted")]
    OrderRecorded(AmountDue),
    #[serde(alias = "ReservationNoted")]
    ReservationRecorded { order_id: OrderId },
    /// Intent to charge.
    ChargeStarted(AmountDue),
    /// Intent to void a charge that may be in progress.
    VoidStarted { order_id: OrderId, reason: CancelReason },
    /// Intent to refund a capture.
    RefundStarted { order_id: OrderId, capture_id: String, amount: Money, reason: CancelReason },
}

pub type Event = LogEvent<PaymentEvent, PaymentStep>;

/// The payment of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    #[default]
    New,
    /// The amount is known; the reservation is not.
    OrderRecorded(AmountDue),
    /// The reservation is known; the amount is not.
    ReservationRecorded,
    /// The call to charge is open.
    Charging(AmountDue),
    /// The call to void the charge is open, possibly too late.
    Voiding {
        due: AmountDue,
        reason: CancelReason,
    },
    Captured {
        amount: Money,
        capture_id: String,
    },
    /// The call to refund is open.
    Refunding {
        amount: Money,
        capture_id: String,
        reason: CancelReason,
    },
    Declined {
        amount: Money,
    },
    Refunded {
        amount: Money,
    },
    /// Cancelled before any charge, and never charged. A tombstone, so that late facts have no effect.
    Voided {
        amount: Option<Money>,
    },
}

impl Decider for Payment {
    type State = State;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, command: &Command) -> Vec<Event> {
        match command {
            Command::RecordOrder(due) => record_order(state, due),
            Command::Charge(order_id) => charge(state, *order_id),
            Command::Compensate { order_id, reason } => compensate(state, *order_id, *reason),
            Command::RecordCharge { order_id, result } => record_charge(state, *order_id, result),
            Command::RecordRefund { order_id, refund_id } => record_refund(state, *order_id, refund_id),
        }
    }

    fn evolve(state: State, event: &Event) -> State {
        match event {
            LogEvent::Internal(event) => state.after_step(event),
            LogEvent::Public(event) => state.after_fact(event),
        }
    }
}

fn record_order(state: &State, due: &AmountDue) -> Vec<Event> {
    match state {
        State::New => vec![internal(PaymentStep::OrderRecorded(due.clone()))],
        State::ReservationRecorded => vec![internal(PaymentStep::ChargeStarted(due.clone()))],
        State::OrderRecorded(_) | State::Charging(_) | State::Voiding { .. } | State::Captured { .. } => vec![],
        State::Refunding { .. } | State::Declined { .. } | State::Refunded { .. } | State::Voided { .. } => vec![],
    }
}

fn charge(state: &State, order_id: OrderId) -> Vec<Event> {
    match state {
        State::New => vec![internal(PaymentStep::ReservationRecorded { order_id })],
        State::OrderRecorded(due) => vec![internal(PaymentStep::ChargeStarted(due.clone()))],
        State::ReservationRecorded | State::Charging(_) | State::Voiding { .. } | State::Captured { .. } => vec![],
        State::Refunding { .. } | State::Declined { .. } | State::Refunded { .. } | State::Voided { .. } => vec![],
    }
}

/// Refunds a capture. A charge in progress is voided, and the gateway's response decides.
fn compensate(state: &State, order_id: OrderId, reason: CancelReason) -> Vec<Event> {
    match state {
        State::New | State::OrderRecorded(_) | State::ReservationRecorded => {
            vec![public(PaymentVoided { order_id, reason })]
        }
        State::Charging(_) => vec![internal(PaymentStep::VoidStarted { order_id, reason })],
        State::Captured { amount, capture_id } => vec![refund_started(order_id, *amount, capture_id, reason)],
        State::Voiding { .. } | State::Refunding { .. } => vec![],
        State::Declined { .. } | State::Refunded { .. } | State::Voided { .. } => vec![],
    }
}

/// A charge may succeed despite its void. Such a capture is refunded.
fn record_charge(state: &State, order_id: OrderId, result: &ChargeResult) -> Vec<Event> {
    let captured = |due: &AmountDue, capture_id: &String| {
        public(PaymentCaptured { order_id, capture_id: capture_id.clone(), amount: due.amount })
    };
    match (state, result) {
        (State::Charging(due), ChargeResult::Captured { capture_id }) => vec![captured(due, capture_id)],
        (State::Voiding { due, reason }, ChargeResult::Captured { capture_id }) => {
            vec![captured(due, capture_id), refund_started(order_id, due.amount, capture_id, *reason)]
        }
        (State::Charging(_) | State::Voiding { .. }, ChargeResult::Declined { code }) => {
            vec![public(PaymentDeclined { order_id, code: code.clone() })]
        }
        // This service did not void the charge, so somebody voided it at the gateway.
        (State::Charging(_), ChargeResult::Voided) => {
            vec![public(PaymentDeclined { order_id, code: "voided".to_owned() })]
        }
        (State::Voiding { reason, .. }, ChargeResult::Voided) => {
            vec![public(PaymentVoided { order_id, reason: *reason })]
        }
        (State::New | State::OrderRecorded(_) | State::ReservationRecorded | State::Captured { .. }, _) => vec![],
        (State::Refunding { .. } | State::Declined { .. } | State::Refunded { .. } | State::Voided { .. }, _) => vec![],
    }
}

fn record_refund(state: &State, order_id: OrderId, refund_id: &str) -> Vec<Event> {
    let State::Refunding { amount, capture_id, reason } = state else { return vec![] };
    vec![public(PaymentRefunded {
        order_id,
        capture_id: capture_id.clone(),
        refund_id: refund_id.to_owned(),
        amount: *amount,
        reason: *reason,
    })]
}

fn refund_started(order_id: OrderId, amount: Money, capture_id: &str, reason: CancelReason) -> Event {
    internal(PaymentStep::RefundStarted { order_id, capture_id: capture_id.to_owned(), amount, reason })
}

fn public(event: impl Into<PaymentEvent>) -> Event {
    LogEvent::Public(event.into())
}

fn internal(event: PaymentStep) -> Event {
    LogEvent::Internal(event)
}

impl State {
    fn after_step(self, event: &PaymentStep) -> Self {
        match (event, self) {
            (PaymentStep::OrderRecorded(due), _) => Self::OrderRecorded(due.clone()),
            // Earlier versions also stored this event between `OrderRecorded` and `ChargeStarted`.
            (PaymentStep::ReservationRecorded { .. }, Self::OrderRecorded(due)) => Self::OrderRecorded(due),
            (PaymentStep::ReservationRecorded { .. }, _) => Self::ReservationRecorded,
            (PaymentStep::ChargeStarted(due), _) => Self::Charging(due.clone()),
            (PaymentStep::VoidStarted { reason, .. }, Self::Charging(due)) => Self::Voiding { due, reason: *reason },
            (PaymentStep::VoidStarted { .. }, other) => other,
            (PaymentStep::RefundStarted { capture_id, amount, reason, .. }, _) => {
                Self::Refunding { amount: *amount, capture_id: capture_id.clone(), reason: *reason }
            }
        }
    }

    fn after_fact(self, event: &PaymentEvent) -> Self {
        match (event, self) {
            (PaymentEvent::PaymentCaptured(event), _) => {
                Self::Captured { amount: event.amount, capture_id: event.capture_id.clone() }
            }
            (PaymentEvent::PaymentDeclined(_), Self::Charging(due) | Self::Voiding { due, .. }) => {
                Self::Declined { amount: due.amount }
            }
            (PaymentEvent::PaymentDeclined(_), other) => other,
            (PaymentEvent::PaymentRefunded(event), _) => Self::Refunded { amount: event.amount },
            (PaymentEvent::PaymentVoided(_), other) => Self::Voided { amount: other.amount() },
        }
    }

    /// The order's total; `None` while it is unknown, or if the order was cancelled before it became known.
    pub fn amount(&self) -> Option<Money> {
        match self {
            Self::New | Self::ReservationRecorded => None,
            Self::OrderRecorded(due) | Self::Charging(due) | Self::Voiding { due, .. } => Some(due.amount),
            Self::Captured { amount, .. } | Self::Refunding { amount, .. } => Some(*amount),
            Self::Declined { amount } | Self::Refunded { amount } => Some(*amount),
            Self::Voided { amount } => *amount,
        }
    }

    /// The state in one word.
    pub fn status(&self) -> &'static str {
        match self {
            Self::New | Self::OrderRecorded(_) | Self::ReservationRecorded => "waiting",
            Self::Charging(_) => "charging",
            Self::Voiding { .. } => "voiding",
            Self::Captured { .. } => "captured",
            Self::Refunding { .. } => "refunding",
            Self::Declined { .. } => "declined",
            Self::Refunded { .. } => "refunded",
            Self::Voided { .. } => "voided",
        }
    }
}
