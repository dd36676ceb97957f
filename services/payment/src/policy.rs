//! Payment policy: reactions, gateway calls, and the layout of streams.

use contracts::{
    CancelReason, Money, OrderId,
    inventory::StockReserved,
    order::OrderPlaced,
    payment::{PaymentCaptured, PaymentDeclined, PaymentEvent, PaymentRefunded, PaymentVoided},
    shipping::{ShipmentCancelled, ShipmentRejected},
};
use decider::{LogEvent, Reaction, SagaMetric, Service, StreamId, reactions};
use serde::{Deserialize, Serialize};

use crate::decider::{AmountDue, Command, Event, Payment, PaymentStep, State};

/// Category of streams about one order's payment each.
pub const PAYMENTS: &str = "payment";

/// A call to the payment gateway. The order's id is the idempotency key. The names are storage format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GatewayCall {
    Charge(AmountDue),
    Void(OrderId),
    Refund { order_id: OrderId, capture_id: String, amount: Money },
}

impl Service for Payment {
    type Public = PaymentEvent;
    type Internal = PaymentStep;
    type Intent = GatewayCall;

    const CATEGORIES: &'static [&'static str] = &[PAYMENTS];
    const STATE_VERSION: u32 = 2;
    // The order and its reservation arrive in any order; the later one triggers the charge, and everything that follows.
    const REACTIONS: &'static [Reaction<Command>] = reactions! {
        on OrderPlaced(placed) => RecordOrder(AmountDue {
            order_id: placed.order_id,
            amount: placed.total,
            card: placed.payment_method.clone(),
        }): "records the amount due", [PaymentCaptured, PaymentDeclined, PaymentRefunded, PaymentVoided];
        on StockReserved(reserved) => Charge(reserved.order_id):
            "charges", [PaymentCaptured, PaymentDeclined, PaymentRefunded, PaymentVoided];
        on ShipmentRejected(rejected) =>
            Compensate { order_id: rejected.order_id, reason: CancelReason::ShipmentRejected }:
            "refunds", [PaymentRefunded];
        on ShipmentCancelled(cancelled) => Compensate { order_id: cancelled.order_id, reason: cancelled.reason }:
            "refunds, or voids if nothing was charged",
            [PaymentCaptured, PaymentDeclined, PaymentRefunded, PaymentVoided];
    };

    fn streams(command: &Command, _: &State) -> Vec<StreamId> {
        let order_id = match command {
            Command::RecordOrder(due) => due.order_id,
            Command::Charge(order_id)
            | Command::Compensate { order_id, .. }
            | Command::RecordCharge { order_id, .. }
            | Command::RecordRefund { order_id, .. } => *order_id,
        };
        vec![StreamId::new(PAYMENTS, order_id)]
    }

    fn intent(event: &Event) -> Option<GatewayCall> {
        let LogEvent::Internal(step) = event else { return None };
        match step {
            PaymentStep::OrderRecorded(_) | PaymentStep::ReservationRecorded { .. } => None,
            PaymentStep::ChargeStarted(due) => Some(GatewayCall::Charge(due.clone())),
            PaymentStep::VoidStarted { order_id, .. } => Some(GatewayCall::Void(*order_id)),
            PaymentStep::RefundStarted { order_id, capture_id, amount, .. } => {
                Some(GatewayCall::Refund { order_id: *order_id, capture_id: capture_id.clone(), amount: *amount })
            }
        }
    }

    fn metric(_: &State, event: &Event) -> Option<SagaMetric> {
        match event.public()? {
            PaymentEvent::PaymentRefunded(PaymentRefunded { reason, .. })
            | PaymentEvent::PaymentVoided(PaymentVoided { reason, .. }) => {
                Some(SagaMetric::Compensated { reason: reason.into() })
            }
            PaymentEvent::PaymentCaptured(_) | PaymentEvent::PaymentDeclined(_) => None,
        }
    }

    fn status(state: &State) -> &'static str {
        state.status()
    }
}
