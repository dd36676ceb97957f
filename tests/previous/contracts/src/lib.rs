//! The contracts in which `OrderPlaced` has version 2026-10, from before every amount had a currency. The order service
//! writes this version to its log and its topic and reads no other.
//!
//! All other contracts are the current ones. The order service's source is compiled against this crate instead of
//! `contracts`, so the binary `order-2026-10` is the current service with the older contract, not a build of an old commit.

pub use contracts::*;

/// Events of the order service.
pub mod order {
    pub use contracts::order::{
        Address, OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderLine, OrderPlaced,
    };
    use std::any::Any;

    use contracts::{Contract, EventType, Subject, Suite, order::OrderEvent as Today, upcast};
    use schemars::Schema;
    use serde_json::{Map, Value};

    /// The version in which this service knows `OrderPlaced`.
    const PLACED: &str = "2026-10";

    /// Events that the order service published in that version.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum OrderEvent {
        OrderPlaced(OrderPlaced),
        OrderCancellationRequested(OrderCancellationRequested),
        OrderConfirmed(OrderConfirmed),
        OrderCancelled(OrderCancelled),
    }

    impl OrderEvent {
        fn today(self) -> Today {
            match self {
                Self::OrderPlaced(event) => event.into(),
                Self::OrderCancellationRequested(event) => event.into(),
                Self::OrderConfirmed(event) => event.into(),
                Self::OrderCancelled(event) => event.into(),
            }
        }

        fn of_today(event: Today) -> Self {
            match event {
                Today::OrderPlaced(event) => Self::OrderPlaced(event),
                Today::OrderCancellationRequested(event) => Self::OrderCancellationRequested(event),
                Today::OrderConfirmed(event) => Self::OrderConfirmed(event),
                Today::OrderCancelled(event) => Self::OrderCancelled(event),
            }
        }
    }

    impl Contract for OrderEvent {
        const SUITE: &'static Suite = Today::SUITE;
        const OWNER: &'static str = Today::OWNER;
        const TOPIC: Option<&'static str> = Today::TOPIC;
        const TYPES: &'static [EventType] =
            &[EventType { version: PLACED, ..Today::TYPES[0] }, Today::TYPES[1], Today::TYPES[2], Today::TYPES[3]];
        const SUBJECT_ATTRIBUTE: &'static str = Today::SUBJECT_ATTRIBUTE;

        fn event_type(&self) -> &'static EventType {
            let name = self.clone().today().event_type().name;
            Self::TYPES.iter().find(|known| known.name == name).expect("every variant has its type")
        }

        fn subject(&self) -> Subject {
            self.clone().today().subject()
        }

        fn data(&self) -> &dyn Any {
            match self {
                Self::OrderPlaced(event) => event,
                Self::OrderCancellationRequested(event) => event,
                Self::OrderConfirmed(event) => event,
                Self::OrderCancelled(event) => event,
            }
        }

        fn to_json(&self) -> String {
            let json = self.clone().today().to_json();
            if !matches!(self, Self::OrderPlaced(_)) {
                return json;
            }
            let data = serde_json::from_str(&json).expect("an event is JSON");
            serde_json::to_string(&downcast(data)).expect("JSON has string keys only")
        }

        /// Knows `OrderPlaced` in the older version only, and reads newer ones as if they had it.
        fn from_versioned(name: &str, version: &str, data: &[u8]) -> Option<Result<Self, upcast::Error>> {
            let version = if name == "OrderPlaced" { PLACED } else { version };
            Today::from_versioned(name, version, data).map(|read| read.map(Self::of_today))
        }

        /// Of today's Rust types: services serve the committed schemas and never ask for these.
        fn schemas() -> Vec<(&'static EventType, Schema)> {
            let today = Today::schemas().into_iter().map(|(_, schema)| schema);
            Self::TYPES.iter().zip(today).collect()
        }
    }

    macro_rules! from {
        ($($event:ident),+) => { $(impl From<$event> for OrderEvent {
            fn from(event: $event) -> Self {
                Self::$event(event)
            }
        })+ };
    }
    from!(OrderPlaced, OrderCancellationRequested, OrderConfirmed, OrderCancelled);

    /// Converts `OrderPlaced` to 2026-10: one currency for the order, and amounts in minor units only.
    fn downcast(mut data: Map<String, Value>) -> Map<String, Value> {
        let total = data.remove("total").expect("an order has a total");
        data.insert("total_minor".to_owned(), total["minor"].clone());
        data.insert("currency".to_owned(), total["currency"].clone());
        for line in data["lines"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            let price = line.remove("unit_price").expect("a line has a price");
            line.insert("unit_price_minor".to_owned(), price["minor"].clone());
        }
        data
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// Reading and writing the golden event of that version does not change it.
        #[test]
        fn order_placed_round_trips_in_version_2026_10() {
            let golden: Value =
                serde_json::from_str(include_str!("../../../../shared/contracts/golden/OrderPlaced/2026-10.json"))
                    .unwrap();
            let read =
                OrderEvent::from_versioned("OrderPlaced", PLACED, golden.to_string().as_bytes()).unwrap().unwrap();
            assert_eq!(serde_json::from_str::<Value>(&read.to_json()).unwrap(), golden);
            assert_eq!(read.event_type().version, PLACED);
            let schema = contracts::schemas::committed("OrderPlaced", PLACED).unwrap();
            jsonschema::validate(&serde_json::from_slice(&schema).unwrap(), &golden).unwrap();
        }
    }
}
