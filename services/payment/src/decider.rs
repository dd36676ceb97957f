//! Decides about the money of an order: charged at most once, and given back when the order is undone.

use contracts::{
    CancelReason, Money, OrderId,
    payment::{PaymentCaptured, PaymentDeclined, PaymentEvent, PaymentRefunded, PaymentVoided},
};
use decider::{Decider, InternalEvent, LogEvent};
use serde::{Deserialize, Serialize};

/// The payment service's pure core.
pub struct Payment;

/// What somebody wants of the payment service.
#[derive(Debug, Clone, strum::IntoStaticStr)]
pub enum Command {
    /// An order was placed: this is what it will cost.
    Remember(Due),
    /// Its stock is reserved: charge it.
    Charge(OrderId),
    /// The order is undone: nothing may stay charged.
    Undo {
        /// The order.
        order_id: OrderId,
        /// Why.
        reason: CancelReason,
    },
    /// The gateway says what became of the charge.
    SettleCharge {
        /// The order.
        order_id: OrderId,
        /// What became of it.
        charge: Charge,
    },
    /// The gateway gave the money back.
    SettleRefund {
        /// The order.
        order_id: OrderId,
        /// The gateway's name for the refund.
        refund_id: String,
    },
}

/// What an order costs, and who pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The order.
    pub order_id: OrderId,
    /// Its total.
    pub amount: Money,
    /// The payment provider's token.
    pub card: String,
}

/// What became of a charge, which the gateway knows by the order's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charge {
    /// The money was taken.
    Captured {
        /// The gateway's name for the capture.
        capture_id: String,
    },
    /// It was not, and won't be.
    Declined {
        /// The gateway's decline code.
        code: String,
    },
    /// It was called off before it took effect.
    Voided,
}

/// What the payment service remembers for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum PaymentStep {
    /// What an order costs.
    DueNoted(Due),
    /// An order's stock is reserved.
    ReservationNoted {
        /// The order.
        order_id: OrderId,
    },
    /// The gateway is asked to charge.
    ChargeStarted(Due),
    /// The gateway is asked to call the charge off.
    VoidStarted {
        /// The order.
        order_id: OrderId,
        /// Why.
        reason: CancelReason,
    },
    /// The gateway is asked to give the money back.
    RefundStarted {
        /// The order.
        order_id: OrderId,
        /// What was taken.
        capture_id: String,
        /// How much.
        amount: Money,
        /// Why.
        reason: CancelReason,
    },
}

impl InternalEvent for PaymentStep {
    fn name(&self) -> &'static str {
        self.into()
    }
}

/// An event in the payment service's log.
pub type Event = LogEvent<PaymentEvent, PaymentStep>;

/// What is known about the money of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What it costs, once the order is known.
    pub due: Option<Due>,
    /// Whether its stock is reserved.
    pub stock_reserved: bool,
    /// How far the payment is.
    pub stage: Stage,
}

/// How far a payment is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// For the order and for its stock, whichever comes last.
    #[default]
    Waiting,
    /// The gateway was asked to charge.
    Charging,
    /// The gateway was asked to call the charge off; it may be too late.
    Voiding(CancelReason),
    /// The money was taken.
    Captured {
        /// The gateway's name for the capture.
        capture_id: String,
    },
    /// The gateway was asked to give the money back.
    Refunding {
        /// What was taken.
        capture_id: String,
        /// Why.
        reason: CancelReason,
    },
    /// The charge was declined.
    Declined,
    /// The money was given back.
    Refunded,
    /// The order was undone before it was charged; it never will be. The tombstone for what comes late.
    Voided,
}

impl Decider for Payment {
    type State = State;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, command: &Command) -> Vec<Event> {
        match command {
            Command::Remember(due) => remember(state, due),
            Command::Charge(order_id) => charge(state, *order_id),
            Command::Undo { order_id, reason } => undo(state, *order_id, *reason),
            Command::SettleCharge { order_id, charge } => settle_charge(state, *order_id, charge),
            Command::SettleRefund { order_id, refund_id } => settle_refund(state, *order_id, refund_id),
        }
    }

    fn evolve(mut state: State, event: &Event) -> State {
        match event {
            LogEvent::Internal(event) => match event {
                PaymentStep::DueNoted(due) => state.due = Some(due.clone()),
                PaymentStep::ReservationNoted { .. } => state.stock_reserved = true,
                PaymentStep::ChargeStarted(_) => state.stage = Stage::Charging,
                PaymentStep::VoidStarted { reason, .. } => state.stage = Stage::Voiding(*reason),
                PaymentStep::RefundStarted { capture_id, reason, .. } => {
                    state.stage = Stage::Refunding { capture_id: capture_id.clone(), reason: *reason };
                }
            },
            LogEvent::Public(event) => {
                state.stage = match event {
                    PaymentEvent::PaymentCaptured(event) => Stage::Captured { capture_id: event.capture_id.clone() },
                    PaymentEvent::PaymentDeclined(_) => Stage::Declined,
                    PaymentEvent::PaymentRefunded(_) => Stage::Refunded,
                    PaymentEvent::PaymentVoided(_) => Stage::Voided,
                }
            }
        }
        state
    }
}

fn remember(state: &State, due: &Due) -> Vec<Event> {
    match state {
        State { due: None, stock_reserved: false, stage: Stage::Waiting } => {
            vec![private(PaymentStep::DueNoted(due.clone()))]
        }
        State { due: None, stock_reserved: true, stage: Stage::Waiting } => {
            vec![private(PaymentStep::DueNoted(due.clone())), private(PaymentStep::ChargeStarted(due.clone()))]
        }
        _ => vec![],
    }
}

fn charge(state: &State, order_id: OrderId) -> Vec<Event> {
    match state {
        State { due: None, stock_reserved: false, stage: Stage::Waiting } => {
            vec![private(PaymentStep::ReservationNoted { order_id })]
        }
        State { due: Some(due), stock_reserved: false, stage: Stage::Waiting } => {
            vec![private(PaymentStep::ReservationNoted { order_id }), private(PaymentStep::ChargeStarted(due.clone()))]
        }
        _ => vec![],
    }
}

/// What was taken is refunded; what may be under way is called off, and the gateway's answer decides.
fn undo(state: &State, order_id: OrderId, reason: CancelReason) -> Vec<Event> {
    match &state.stage {
        Stage::Waiting => vec![LogEvent::Public(PaymentVoided { order_id, reason }.into())],
        Stage::Charging => vec![private(PaymentStep::VoidStarted { order_id, reason })],
        Stage::Captured { capture_id } => refund(state, order_id, capture_id, reason),
        Stage::Voiding(_) | Stage::Refunding { .. } | Stage::Declined | Stage::Refunded | Stage::Voided => vec![],
    }
}

/// A charge that was called off may still have succeeded: then it is a capture like any other, and refunded.
fn settle_charge(state: &State, order_id: OrderId, charge: &Charge) -> Vec<Event> {
    match (&state.stage, charge) {
        (Stage::Charging, Charge::Captured { capture_id }) => vec![captured(state, order_id, capture_id)],
        (Stage::Voiding(reason), Charge::Captured { capture_id }) => {
            let mut events = vec![captured(state, order_id, capture_id)];
            events.extend(refund(state, order_id, capture_id, *reason));
            events
        }
        (Stage::Charging | Stage::Voiding(_), Charge::Declined { code }) => {
            vec![LogEvent::Public(PaymentDeclined { order_id, code: code.clone() }.into())]
        }
        // Nobody here called it off: somebody did at the provider.
        (Stage::Charging, Charge::Voided) => {
            vec![LogEvent::Public(PaymentDeclined { order_id, code: "voided".to_owned() }.into())]
        }
        (Stage::Voiding(reason), Charge::Voided) => {
            vec![LogEvent::Public(PaymentVoided { order_id, reason: *reason }.into())]
        }
        _ => vec![],
    }
}

fn settle_refund(state: &State, order_id: OrderId, refund_id: &str) -> Vec<Event> {
    let Stage::Refunding { capture_id, reason } = &state.stage else { return vec![] };
    let refunded = PaymentRefunded {
        order_id,
        capture_id: capture_id.clone(),
        refund_id: refund_id.to_owned(),
        amount: amount(state),
        reason: *reason,
    };
    vec![LogEvent::Public(refunded.into())]
}

fn captured(state: &State, order_id: OrderId, capture_id: &str) -> Event {
    let captured = PaymentCaptured { order_id, capture_id: capture_id.to_owned(), amount: amount(state) };
    LogEvent::Public(captured.into())
}

fn refund(state: &State, order_id: OrderId, capture_id: &str, reason: CancelReason) -> Vec<Event> {
    let capture_id = capture_id.to_owned();
    vec![private(PaymentStep::RefundStarted { order_id, capture_id, amount: amount(state), reason })]
}

fn amount(state: &State) -> Money {
    state.due.as_ref().expect("nothing is charged before it is known what is due").amount
}

fn private(event: PaymentStep) -> Event {
    LogEvent::Internal(event)
}

impl Stage {
    /// One word for the stage.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Charging => "charging",
            Self::Voiding(_) => "voiding",
            Self::Captured { .. } => "captured",
            Self::Refunding { .. } => "refunding",
            Self::Declined => "declined",
            Self::Refunded => "refunded",
            Self::Voided => "voided",
        }
    }
}
