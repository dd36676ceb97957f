//! The sum of all owners' events, for readers of several topics: tools, tests and read models.

use std::any::Any;

use catalog::for_each_owner;
use cloudevent::{ContractError, Envelope, EventType, Meta, Subject};

use crate::OrderId;

/// Declares the enum of an owner's events; see [`cloudevent::contract!`]. Every event is about one order.
macro_rules! contract {
    ($(#[$doc:meta])* $name:ident, owner $owner:ident { $($events:tt)+ }) => {
        cloudevent::contract! {
            $(#[$doc])*
            $name, owner catalog::ServiceName::$owner.name(), topic $crate::event::topic(catalog::ServiceName::$owner),
            suite $crate::SUITE, subject order_id as "order.id"
            { $($events)+ }
        }
    };
}
pub(crate) use contract;

pub(crate) const fn topic(owner: catalog::ServiceName) -> &'static str {
    match owner.topic() {
        Some(topic) => topic,
        None => panic!("a reader publishes no facts"),
    }
}

macro_rules! event {
    ($($variant:ident $module:ident $event:ident;)+) => {
        /// An event of any owner.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event { $($variant(crate::$module::$event),)+ }

        impl Event {
            pub fn event_type(&self) -> &'static EventType {
                match self { $(Self::$variant(event) => cloudevent::Contract::event_type(event),)+ }
            }

            /// The thing that the event is about.
            pub fn subject(&self) -> Subject {
                match self { $(Self::$variant(event) => cloudevent::Contract::subject(event),)+ }
            }

            /// The data, a [`cloudevent::EventData`].
            pub fn data(&self) -> &dyn Any {
                match self { $(Self::$variant(event) => cloudevent::Contract::data(event),)+ }
            }

            /// The data as JSON, in the newest version.
            pub fn to_json(&self) -> String {
                match self { $(Self::$variant(event) => cloudevent::Contract::to_json(event),)+ }
            }

            /// Reads data of a type, written in `version`; `None` if no owner has a type of that name.
            ///
            /// # Errors
            /// As [`cloudevent::EventData::from_versioned`].
            pub fn from_versioned(
                name: &str,
                version: &str,
                data: &[u8],
            ) -> Option<Result<Self, cloudevent::upcast::Error>> {
                $(if let Some(read) = <crate::$module::$event as cloudevent::Contract>::from_versioned(name, version, data) {
                    return Some(read.map(Self::$variant));
                })+
                None
            }

            /// Reads the data of an event, written in `version`.
            ///
            /// # Errors
            /// As [`Meta::decode`].
            ///
            /// # Panics
            /// `meta` names an event type of another suite.
            pub fn decode(meta: &Meta, version: &str, data: &[u8]) -> Result<Self, ContractError> {
                match meta.event_type.owner {
                    $(<crate::$module::$event as cloudevent::Contract>::OWNER => {
                        meta.decode_any(version, data).map(Self::$variant)
                    })+
                    unknown => panic!("owner {unknown} does not belong to this suite"),
                }
            }
        }

        $(impl From<crate::$module::$event> for Event {
            fn from(event: crate::$module::$event) -> Self {
                Self::$variant(event)
            }
        })+

        /// Event types of all owners.
        pub fn event_types() -> impl Iterator<Item = &'static EventType> {
            [$(<crate::$module::$event as cloudevent::Contract>::TYPES),+].into_iter().flatten()
        }

        /// JSON Schema of every event type's newest version, generated from the Rust types.
        pub fn generated_schemas() -> Vec<(&'static EventType, cloudevent::schemars::Schema)> {
            [$(<crate::$module::$event as cloudevent::Contract>::schemas()),+].into_iter().flatten().collect()
        }
    };
}
for_each_owner!(event);

impl Event {
    /// The order that the event is about.
    ///
    /// # Panics
    /// The event is not about an order. All events of this version are.
    pub fn order_id(&self) -> OrderId {
        self.subject().parse().expect("an event's subject is an order")
    }
}

/// The event type of this name, of any owner.
pub fn event_type(name: &str) -> Option<&'static EventType> {
    event_types().find(|known| known.name == name)
}

/// The event type that a `ce_type` header names, if this build knows it.
pub fn event_type_of(ce_type: &str) -> Option<&'static EventType> {
    event_types().find(|known| known.is(ce_type))
}

/// An event with its metadata, in the newest version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub meta: Meta,
    pub event: Event,
}

/// A record that conforms to its contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// An event that this build knows.
    Known(Box<Received>),
    /// An event of an unknown type, from a newer producer; to be ignored.
    Unknown { ce_type: String },
}

/// Reads a record as an event of any owner.
///
/// `header` returns a header's value by name. `topic` is the topic's name without a deployment's prefix.
///
/// # Errors
/// The record breaks its contract: it is not a `CloudEvent`, is on the wrong topic, or its data does not fit its version.
pub fn decode<'a>(
    topic: &str,
    header: impl Fn(&str) -> Option<&'a [u8]>,
    data: &[u8],
) -> Result<Decoded, ContractError> {
    match cloudevent::read(topic, header, event_type_of)? {
        Envelope::Unknown { ce_type } => Ok(Decoded::Unknown { ce_type: ce_type.to_owned() }),
        Envelope::Known { meta, version } => {
            let event = Event::decode(&meta, version, data)?;
            Ok(Decoded::Known(Box::new(Received { meta: *meta, event })))
        }
    }
}
