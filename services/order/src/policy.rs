//! Order policy: reactions to other services' facts, the deadline's timer, and the layout of streams.

use contracts::{
    CancelReason, Meta, OrderId,
    inventory::{StockCommitted, StockReleased, StockReservationRejected, StockReserved},
    order::{OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderEvent, OrderPlaced},
    payment::{PaymentCaptured, PaymentDeclined, PaymentRefunded, PaymentVoided},
    shipping::{
        ShipmentCancellationRefused, ShipmentCancelled, ShipmentDispatched, ShipmentRejected, ShipmentScheduled,
    },
};
use decider::{LogEvent, NoIntent, Reaction, SagaMetric, Service, StreamId, reactions};
use jiff::Timestamp;

use crate::decider::{Command, Event, Fact, Order, OrderStep, RecordedFact, State};

/// Category of streams about one order each.
pub const ORDERS: &str = "order";
/// Category of streams about one product of the catalog each.
pub const PRODUCTS: &str = "product";

impl Service for Order {
    type Public = OrderEvent;
    type Internal = OrderStep;
    type Intent = NoIntent;

    const CATEGORIES: &'static [&'static str] = &[ORDERS, PRODUCTS];
    const STATE_VERSION: u32 = 2;
    const REACTIONS: &'static [Reaction<Command>] = reactions! {
        request "customer" => Place: "accepts the order", [OrderPlaced];
        request "customer" => Cancel: "requests a cancellation", [OrderCancellationRequested];
        deadline => Expire: "requests a cancellation", [OrderCancellationRequested];

        on StockReserved(e, meta) => Record(fact(e.order_id, Fact::StockReserved, meta)): "records it", [];
        on StockReservationRejected(e, meta) => Record(fact(e.order_id, Fact::StockReservationRejected, meta)):
            "cancels: nothing is held", [OrderCancelled];
        on StockCommitted(e, meta) => Record(fact(e.order_id, Fact::StockCommitted, meta)): "records it", [];
        on StockReleased(e, meta) => Record(fact(e.order_id, Fact::StockReleased, meta)):
            "cancels once the money is settled", [OrderCancelled];

        on PaymentCaptured(e, meta) => Record(fact(e.order_id, Fact::PaymentCaptured, meta)): "records it", [];
        on PaymentDeclined(e, meta) => Record(fact(e.order_id, Fact::PaymentDeclined, meta)):
            "cancels once the stock is released", [OrderCancelled];
        on PaymentRefunded(e, meta) => Record(fact(e.order_id, Fact::PaymentRefunded, meta)):
            "cancels once the stock is released", [OrderCancelled];
        on PaymentVoided(e, meta) => Record(fact(e.order_id, Fact::PaymentVoided, meta)):
            "cancels once the stock is released", [OrderCancelled];

        on ShipmentScheduled(e, meta) => Record(fact(e.order_id, Fact::ShipmentScheduled, meta)):
            "confirms", [OrderConfirmed];
        on ShipmentRejected(e, meta) => Record(fact(e.order_id, Fact::ShipmentRejected, meta)): "records it", [];
        on ShipmentCancelled(e, meta) => Record(fact(e.order_id, Fact::ShipmentCancelled, meta)): "records it", [];
        on ShipmentDispatched(e, meta) => Record(fact(e.order_id, Fact::ShipmentDispatched, meta)):
            "is dispatched: the point of no return", [OrderConfirmed];
        on ShipmentCancellationRefused(e, meta) => Record(fact(e.order_id, Fact::ShipmentCancellationRefused, meta)):
            "stays confirmed", [OrderConfirmed];
    };

    fn streams(command: &Command, _: &State) -> Vec<StreamId> {
        match command {
            Command::ListProduct(product) => vec![StreamId::new(PRODUCTS, &product.sku)],
            Command::Place(order) => {
                let products = order.lines.iter().map(|(sku, _)| StreamId::new(PRODUCTS, sku));
                std::iter::once(StreamId::new(ORDERS, order.order_id)).chain(products).collect()
            }
            Command::Cancel(order_id)
            | Command::Expire { order_id, .. }
            | Command::Record(RecordedFact { order_id, .. }) => {
                vec![StreamId::new(ORDERS, order_id)]
            }
        }
    }

    fn merge(parts: Vec<&State>) -> State {
        let mut merged = State::default();
        for part in parts {
            merged.order = merged.order.or_else(|| part.order.clone());
            merged.products.extend(part.products.clone());
        }
        merged
    }

    fn next_timer(state: &State) -> Option<Timestamp> {
        let order = state.order.as_ref()?;
        if order.can_expire() { Some(order.placed.deadline) } else { order.wave_due() }
    }

    fn on_timer(stream: &StreamId, now: Timestamp) -> Option<Command> {
        Some(Command::Expire { order_id: stream.id_in(ORDERS)?, at: now })
    }

    fn starts_wave(event: &Event) -> bool {
        matches!(event, LogEvent::Internal(OrderStep::WaveStarted { .. }))
    }

    fn metric(state: &State, event: &Event) -> Option<SagaMetric> {
        let started_at = state.order.as_ref()?.placed.placed_at;
        let completed = |outcome, reason: Option<CancelReason>| {
            Some(SagaMetric::Completed { outcome, reason: reason.map(Into::into), started_at })
        };
        match event.public()? {
            OrderEvent::OrderConfirmed(_) => completed("confirmed", None),
            OrderEvent::OrderCancelled(cancelled) => completed("cancelled", Some(cancelled.reason)),
            OrderEvent::OrderPlaced(_) | OrderEvent::OrderCancellationRequested(_) => None,
        }
    }

    fn status(state: &State) -> &'static str {
        state.order.as_ref().map_or("listed", |order| order.status())
    }
}

fn fact(order_id: OrderId, fact: Fact, meta: &Meta) -> RecordedFact {
    RecordedFact { order_id, fact, event_id: meta.id, occurred_at: meta.time, causation_id: meta.causation_id }
}
