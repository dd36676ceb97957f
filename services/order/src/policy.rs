//! What the order service does about the events of others, and where its events are kept.

use contracts::{
    Contract, Event as ContractEvent, Received, inventory::InventoryEvent, order::OrderEvent, payment::PaymentEvent,
    shipping::ShippingEvent,
};
use decider::{LogEvent, NoIntent, Reaction, SagaMetric, Service, StreamId};
use jiff::Timestamp;

use crate::decider::{Command, Event, Fact, Observation, Order, OrderNote, State};

/// The category of the streams with one order each.
pub const ORDERS: &str = "order";
/// The category of the streams with one product of the catalog each.
pub const PRODUCTS: &str = "product";

/// What the service does when something happened: its column of the saga table.
const REACTIONS: &[Reaction] = &[
    Reaction::asked_by("customer", "Place", "accepts the order", &["OrderPlaced"]),
    Reaction::asked_by("customer", "Cancel", "asks shipping to cancel", &["OrderCancellationRequested"]),
    Reaction::at_deadline("PassDeadline", "asks shipping to cancel", &["OrderCancellationRequested"]),
    Reaction::to("StockReserved", "Note", "notes it", &[]),
    Reaction::to("StockReservationRejected", "Note", "cancels: nothing is held", &["OrderCancelled"]),
    Reaction::to("StockCommitted", "Note", "notes it", &[]),
    Reaction::to("StockReleased", "Note", "cancels once the money is back", &["OrderCancelled"]),
    Reaction::to("PaymentCaptured", "Note", "notes it", &[]),
    Reaction::to("PaymentDeclined", "Note", "cancels once the stock is back", &["OrderCancelled"]),
    Reaction::to("PaymentRefunded", "Note", "cancels once the stock is back", &["OrderCancelled"]),
    Reaction::to("PaymentVoided", "Note", "cancels once the stock is back", &["OrderCancelled"]),
    Reaction::to("ShipmentScheduled", "Note", "confirms", &["OrderConfirmed"]),
    Reaction::to("ShipmentRejected", "Note", "notes it", &[]),
    Reaction::to("ShipmentCancelled", "Note", "notes it", &[]),
    Reaction::to("ShipmentCancellationRefused", "Note", "stays confirmed", &["OrderConfirmed"]),
    Reaction::to("ShipmentDispatched", "Note", "is dispatched: the point of no return", &["OrderConfirmed"]),
];

impl Service for Order {
    type Public = OrderEvent;
    type Internal = OrderNote;
    type Intent = NoIntent;

    const CONSUMES: &'static [&'static str] = &[InventoryEvent::TOPIC, PaymentEvent::TOPIC, ShippingEvent::TOPIC];
    const CATEGORIES: &'static [&'static str] = &[ORDERS, PRODUCTS];
    const REACTIONS: &'static [Reaction] = REACTIONS;

    fn command_name(command: &Command) -> &'static str {
        command.into()
    }

    /// Every event of the other services is a fact about an order.
    fn react(received: &Received) -> Option<Command> {
        let fact = match &received.event {
            ContractEvent::Order(_) => return None,
            ContractEvent::Inventory(event) => match event {
                InventoryEvent::StockReserved(_) => Fact::StockReserved,
                InventoryEvent::StockReservationRejected(_) => Fact::StockReservationRejected,
                InventoryEvent::StockCommitted(_) => Fact::StockCommitted,
                InventoryEvent::StockReleased(_) => Fact::StockReleased,
            },
            ContractEvent::Payment(event) => match event {
                PaymentEvent::PaymentCaptured(_) => Fact::PaymentCaptured,
                PaymentEvent::PaymentDeclined(_) => Fact::PaymentDeclined,
                PaymentEvent::PaymentRefunded(_) => Fact::PaymentRefunded,
                PaymentEvent::PaymentVoided(_) => Fact::PaymentVoided,
            },
            ContractEvent::Shipping(event) => match event {
                ShippingEvent::ShipmentScheduled(_) => Fact::ShipmentScheduled,
                ShippingEvent::ShipmentRejected(_) => Fact::ShipmentRejected,
                ShippingEvent::ShipmentCancelled(_) => Fact::ShipmentCancelled,
                ShippingEvent::ShipmentCancellationRefused(_) => Fact::ShipmentCancellationRefused,
                ShippingEvent::ShipmentDispatched(_) => Fact::ShipmentDispatched,
            },
        };
        Some(Command::Note(Observation {
            order_id: received.meta.order_id,
            fact,
            event_id: received.meta.id,
            occurred_at: received.meta.time,
            causation_id: received.meta.causation_id,
        }))
    }

    fn intent(_event: &Event) -> Option<NoIntent> {
        None
    }

    fn next_timer(state: &State) -> Option<Timestamp> {
        let order = state.order.as_ref()?;
        order.awaits_deadline().then_some(order.placed.deadline)
    }

    fn on_timer(stream: &StreamId) -> Option<Command> {
        stream.order_id(ORDERS).map(Command::PassDeadline)
    }

    fn streams(command: &Command, _state: &State) -> Vec<StreamId> {
        let order_id = match command {
            Command::ListProduct(product) => return vec![StreamId::of_sku(PRODUCTS, &product.sku)],
            Command::Place(placement) => placement.order_id,
            Command::Cancel(order_id) | Command::PassDeadline(order_id) => *order_id,
            Command::Note(observation) => observation.order_id,
        };
        let mut streams = vec![StreamId::of_order(ORDERS, order_id)];
        if let Command::Place(placement) = command {
            streams.extend(placement.lines.iter().map(|(sku, _)| StreamId::of_sku(PRODUCTS, sku)));
        }
        streams
    }

    fn stream_of(event: &Event) -> StreamId {
        match event {
            LogEvent::Public(event) => StreamId::of_order(ORDERS, event.order_id()),
            LogEvent::Internal(OrderNote::FactNoted(observation)) => StreamId::of_order(ORDERS, observation.order_id),
            LogEvent::Internal(OrderNote::ProductListed(product)) => StreamId::of_sku(PRODUCTS, &product.sku),
        }
    }

    fn merge(parts: Vec<&State>) -> State {
        let mut joined = State::default();
        for part in parts {
            joined.order = joined.order.or_else(|| part.order.clone());
            joined.products.extend(part.products.clone());
        }
        joined
    }

    fn metric(state: &State, event: &Event) -> Option<SagaMetric> {
        let began = state.order.as_ref()?.placed.placed_at;
        match event {
            LogEvent::Public(OrderEvent::OrderConfirmed(_)) => {
                Some(SagaMetric::Ended { outcome: "confirmed", reason: None, began })
            }
            LogEvent::Public(OrderEvent::OrderCancelled(cancelled)) => {
                Some(SagaMetric::Ended { outcome: "cancelled", reason: Some(cancelled.reason), began })
            }
            _ => None,
        }
    }

    fn status(state: &State) -> &'static str {
        state.order.as_ref().map_or("listed", |order| order.status())
    }
}
