//! What the payment service does about the events of others, which calls it makes, and where its events are kept.

use contracts::{
    CancelReason, Contract, Event as ContractEvent, Money, OrderId, Received, inventory::InventoryEvent,
    order::OrderEvent, payment::PaymentEvent, shipping::ShippingEvent,
};
use decider::{LogEvent, Reaction, SagaMetric, Service, StreamId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::decider::{Command, Due, Event, Payment, PaymentStep, State};

/// The category of the streams with one order's payment each.
pub const PAYMENTS: &str = "payment";

/// A call to the payment gateway. The order's id is the idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GatewayCall {
    /// Take the money.
    Charge(Due),
    /// Call the charge off.
    Void(OrderId),
    /// Give the money back.
    Refund {
        /// The order.
        order_id: OrderId,
        /// What was taken.
        capture_id: String,
        /// How much.
        amount: Money,
    },
}

/// What the service does when something happened: its column of the saga table. A charge that is called off while it is
/// under way ends with the gateway's first answer, to whichever of the two calls it is.
const REACTIONS: &[Reaction] = &[
    Reaction::to("OrderPlaced", "Remember", "remembers what to charge", CHARGED),
    Reaction::to("StockReserved", "Charge", "charges", CHARGED),
    Reaction::to("ShipmentRejected", "Undo", "refunds", &["PaymentRefunded"]),
    Reaction::to("ShipmentCancelled", "Undo", "refunds, or voids if nothing was charged", CHARGED),
];
/// Whichever of two facts comes last, the order or its reservation, leads to the charge and to what becomes of it.
const CHARGED: &[&str] = &["PaymentCaptured", "PaymentDeclined", "PaymentRefunded", "PaymentVoided"];

impl Service for Payment {
    type Public = PaymentEvent;
    type Internal = PaymentStep;
    type Intent = GatewayCall;

    const CONSUMES: &'static [&'static str] = &[OrderEvent::TOPIC, InventoryEvent::TOPIC, ShippingEvent::TOPIC];
    const CATEGORIES: &'static [&'static str] = &[PAYMENTS];
    const REACTIONS: &'static [Reaction] = REACTIONS;

    fn command_name(command: &Command) -> &'static str {
        command.into()
    }

    fn react(received: &Received) -> Option<Command> {
        let order_id = received.meta.order_id;
        match &received.event {
            ContractEvent::Order(OrderEvent::OrderPlaced(placed)) => {
                let (amount, card) = (placed.total, placed.payment_method.clone());
                Some(Command::Remember(Due { order_id, amount, card }))
            }
            ContractEvent::Inventory(InventoryEvent::StockReserved(_)) => Some(Command::Charge(order_id)),
            ContractEvent::Shipping(ShippingEvent::ShipmentRejected(_)) => {
                Some(Command::Undo { order_id, reason: CancelReason::ShipmentRejected })
            }
            ContractEvent::Shipping(ShippingEvent::ShipmentCancelled(cancelled)) => {
                Some(Command::Undo { order_id, reason: cancelled.reason })
            }
            _ => None,
        }
    }

    fn intent(event: &Event) -> Option<GatewayCall> {
        match event {
            LogEvent::Internal(PaymentStep::ChargeStarted(due)) => Some(GatewayCall::Charge(due.clone())),
            LogEvent::Internal(PaymentStep::VoidStarted { order_id, .. }) => Some(GatewayCall::Void(*order_id)),
            LogEvent::Internal(PaymentStep::RefundStarted { order_id, capture_id, amount, .. }) => {
                Some(GatewayCall::Refund { order_id: *order_id, capture_id: capture_id.clone(), amount: *amount })
            }
            _ => None,
        }
    }

    fn next_timer(_state: &State) -> Option<Timestamp> {
        None
    }

    fn on_timer(_stream: &StreamId) -> Option<Command> {
        None
    }

    fn streams(command: &Command, _state: &State) -> Vec<StreamId> {
        let order_id = match command {
            Command::Remember(due) => due.order_id,
            Command::Charge(order_id)
            | Command::Undo { order_id, .. }
            | Command::SettleCharge { order_id, .. }
            | Command::SettleRefund { order_id, .. } => *order_id,
        };
        vec![StreamId::of_order(PAYMENTS, order_id)]
    }

    fn stream_of(event: &Event) -> StreamId {
        let order_id = match event {
            LogEvent::Public(event) => event.order_id(),
            LogEvent::Internal(PaymentStep::DueNoted(due) | PaymentStep::ChargeStarted(due)) => due.order_id,
            LogEvent::Internal(
                PaymentStep::ReservationNoted { order_id }
                | PaymentStep::VoidStarted { order_id, .. }
                | PaymentStep::RefundStarted { order_id, .. },
            ) => *order_id,
        };
        StreamId::of_order(PAYMENTS, order_id)
    }

    fn metric(_state: &State, event: &Event) -> Option<SagaMetric> {
        match event {
            LogEvent::Public(PaymentEvent::PaymentRefunded(refunded)) => Some(SagaMetric::Undone(refunded.reason)),
            LogEvent::Public(PaymentEvent::PaymentVoided(voided)) => Some(SagaMetric::Undone(voided.reason)),
            _ => None,
        }
    }

    fn status(state: &State) -> &'static str {
        state.stage.status()
    }
}
