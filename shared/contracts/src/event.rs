//! What all contract events have in common: an owner, a topic, a dated version, JSON.

use schemars::Schema;

use crate::{
    OrderId, inventory::InventoryEvent, order::OrderEvent, payment::PaymentEvent, shipping::ShippingEvent, upcast,
};

/// A service, as the one owner of a topic and of the events on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::EnumIter, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Owner {
    /// Takes orders and tells how they ended.
    Order,
    /// Keeps the stock.
    Inventory,
    /// Takes and returns the money.
    Payment,
    /// Hands parcels to the carrier.
    Shipping,
}

impl Owner {
    /// The service's name, as in topics, consumer groups and the `CloudEvents` source.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The one topic that the service writes facts to.
    pub const fn topic(self) -> &'static str {
        match self {
            Self::Order => OrderEvent::TOPIC,
            Self::Inventory => InventoryEvent::TOPIC,
            Self::Payment => PaymentEvent::TOPIC,
            Self::Shipping => ShippingEvent::TOPIC,
        }
    }
}

/// The topics of all events.
pub const TOPICS: [&str; 4] = [OrderEvent::TOPIC, InventoryEvent::TOPIC, PaymentEvent::TOPIC, ShippingEvent::TOPIC];

/// The name and newest version of an event type, and who may publish it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventType {
    /// Such as `OrderPlaced`. Storage format: renaming it needs an upcaster.
    pub name: &'static str,
    /// The newest version, by year and month.
    pub version: &'static str,
    /// The one service that publishes it.
    pub owner: Owner,
}

/// The events of one owner. Implemented by the enums of this crate only, through `contract!`.
pub trait Contract: Sized + Clone + Send + Sync + std::fmt::Debug + 'static {
    /// The one service that publishes these events.
    const OWNER: Owner;
    /// Where they are published.
    const TOPIC: &'static str;
    /// Every type there is.
    const TYPES: &'static [EventType];

    /// The type of this event.
    fn event_type(&self) -> &'static EventType;
    /// The order it is about.
    fn order_id(&self) -> OrderId;
    /// Its data as JSON.
    fn to_json(&self) -> String;
    /// Reads data that is in the newest version; `None` when these events have no type of that name.
    fn from_json(name: &str, data: &[u8]) -> Option<serde_json::Result<Self>>;
    /// The JSON Schema of every type's newest version, generated from the Rust type.
    fn schemas() -> Vec<(&'static EventType, Schema)>;

    /// Reads data of any version, older ones by way of [`upcast`]. A version newer than the newest known here is read
    /// as if it were that one: what a newer producer added is ignored.
    ///
    /// # Errors
    /// The data does not fit its version, or nothing leads from that version to the newest.
    fn from_versioned(name: &str, version: &str, data: &[u8]) -> Option<Result<Self, upcast::Error>> {
        let newest = Self::TYPES.iter().find(|known| known.name == name)?.version;
        if version >= newest {
            return Self::from_json(name, data).map(|read| read.map_err(upcast::Error::from));
        }
        match upcast::to_newest(name, version, newest, data) {
            Ok(data) => Self::from_json(name, &data).map(|read| read.map_err(upcast::Error::from)),
            Err(error) => Some(Err(error)),
        }
    }
}

/// Declares the enum of an owner's events. Each variant holds the struct of the same name, which has an `order_id`.
macro_rules! contract {
    ($(#[$doc:meta])* $name:ident, owner $owner:ident, topic $topic:literal { $($event:ident, $version:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name { $($event($event),)+ }

        impl crate::Contract for $name {
            const OWNER: crate::Owner = crate::Owner::$owner;
            const TOPIC: &'static str = $topic;
            const TYPES: &'static [crate::EventType] = &[$(crate::EventType {
                name: stringify!($event), version: $version, owner: crate::Owner::$owner,
            },)+];

            fn event_type(&self) -> &'static crate::EventType {
                let name = match self { $(Self::$event(_) => stringify!($event),)+ };
                Self::TYPES.iter().find(|known| known.name == name).expect("every variant has its type")
            }

            fn order_id(&self) -> crate::OrderId {
                match self { $(Self::$event(event) => event.order_id,)+ }
            }

            fn to_json(&self) -> String {
                let json = match self { $(Self::$event(event) => serde_json::to_string(event),)+ };
                json.expect("an event has string keys only and no fallible serializer")
            }

            fn from_json(name: &str, data: &[u8]) -> Option<serde_json::Result<Self>> {
                match name {
                    $(stringify!($event) => Some(serde_json::from_slice(data).map(Self::$event)),)+
                    _ => None,
                }
            }

            fn schemas() -> Vec<(&'static crate::EventType, schemars::Schema)> {
                let schemas = [$(schemars::schema_for!($event),)+];
                Self::TYPES.iter().zip(schemas).collect()
            }
        }

        $(impl From<$event> for $name {
            fn from(event: $event) -> Self {
                Self::$event(event)
            }
        })+
    };
}
pub(crate) use contract;

/// Any contract event: what a consumer may meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// From the order service.
    Order(OrderEvent),
    /// From the inventory service.
    Inventory(InventoryEvent),
    /// From the payment service.
    Payment(PaymentEvent),
    /// From the shipping service.
    Shipping(ShippingEvent),
}

impl Event {
    /// The type of this event.
    pub fn event_type(&self) -> &'static EventType {
        match self {
            Self::Order(event) => event.event_type(),
            Self::Inventory(event) => event.event_type(),
            Self::Payment(event) => event.event_type(),
            Self::Shipping(event) => event.event_type(),
        }
    }

    /// The order it is about.
    pub fn order_id(&self) -> OrderId {
        match self {
            Self::Order(event) => event.order_id(),
            Self::Inventory(event) => event.order_id(),
            Self::Payment(event) => event.order_id(),
            Self::Shipping(event) => event.order_id(),
        }
    }

    /// Its data as JSON, in the newest version.
    pub fn to_json(&self) -> String {
        match self {
            Self::Order(event) => event.to_json(),
            Self::Inventory(event) => event.to_json(),
            Self::Payment(event) => event.to_json(),
            Self::Shipping(event) => event.to_json(),
        }
    }

    /// Reads data of any version of an owner's event; `None` when that owner has no type of that name.
    ///
    /// # Errors
    /// As [`Contract::from_versioned`].
    pub fn from_versioned(owner: Owner, name: &str, version: &str, data: &[u8]) -> Option<Result<Self, upcast::Error>> {
        fn read<E: Contract>(name: &str, version: &str, data: &[u8]) -> Option<Result<E, upcast::Error>> {
            E::from_versioned(name, version, data)
        }
        match owner {
            Owner::Order => read(name, version, data).map(|read| read.map(Self::Order)),
            Owner::Inventory => read(name, version, data).map(|read| read.map(Self::Inventory)),
            Owner::Payment => read(name, version, data).map(|read| read.map(Self::Payment)),
            Owner::Shipping => read(name, version, data).map(|read| read.map(Self::Shipping)),
        }
    }
}

/// The event type of that name, whoever owns it.
pub fn event_type(name: &str) -> Option<&'static EventType> {
    [OrderEvent::TYPES, InventoryEvent::TYPES, PaymentEvent::TYPES, ShippingEvent::TYPES]
        .into_iter()
        .flatten()
        .find(|known| known.name == name)
}
