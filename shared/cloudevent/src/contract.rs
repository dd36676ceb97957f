//! Event types, and the enum of one owner's events.

use std::{any::Any, fmt};

use schemars::{JsonSchema, Schema};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Subject, upcast};

/// Reads data of an event, written in a version, and returns its subject. Returns `None` for an unknown event.
pub type SubjectOf = fn(event: &str, version: &str, data: &[u8]) -> Option<Result<Subject, upcast::Error>>;

/// A set of contracts that belong together: the events of all services of one system.
#[derive(Debug)]
pub struct Suite {
    /// Name in telemetry, the OpenTelemetry scope.
    pub name: &'static str,
    /// Reverse domain name that precedes each event's name in `ce_type`, with its final dot.
    pub namespace: &'static str,
    /// Steps from older versions of events to newer ones.
    pub upcasts: &'static [upcast::Step],
    /// Returns the event type that a `ce_type` header names, if the suite has it.
    pub event_type_of: fn(ce_type: &str) -> Option<&'static EventType>,
    /// Reads data of any event of the suite.
    pub subject_of: SubjectOf,
    /// Lists event and version of every published JSON Schema.
    pub schemas: fn() -> Vec<(String, String)>,
    /// Returns the published JSON Schema of an event's version.
    pub schema: fn(event: &str, version: &str) -> Option<Vec<u8>>,
}

/// Name and newest version of an event type, and its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventType {
    /// As in [`Suite::namespace`].
    pub namespace: &'static str,
    /// Storage format: renaming it needs an upcaster.
    pub name: &'static str,
    /// The newest version, by year and month.
    pub version: &'static str,
    /// The one service that publishes it.
    pub owner: &'static str,
    /// The one topic that it is published to.
    pub topic: &'static str,
}

impl EventType {
    /// Returns true if a `ce_type` header names this type.
    pub fn is(&self, ce_type: &str) -> bool {
        ce_type.strip_prefix(self.namespace) == Some(self.name)
    }
}

/// Data of one event type. Implemented by [`contract!`](crate::contract).
pub trait EventData:
    Clone + fmt::Debug + PartialEq + Send + Sync + Serialize + DeserializeOwned + JsonSchema + 'static
{
    /// Name, version and owner.
    const TYPE: &'static EventType;
    /// Steps from older versions to the newest.
    const UPCASTS: &'static [upcast::Step];

    /// The thing that the event is about.
    fn subject(&self) -> Subject;

    /// Reads data of any version. Data of a version newer than [`EventData::TYPE`] is read as if it had that version:
    /// fields that a newer producer added are ignored.
    ///
    /// # Errors
    /// The data does not fit its version, or no step leads from that version to the newest.
    fn from_versioned(version: &str, data: &[u8]) -> Result<Self, upcast::Error> {
        let EventType { name, version: newest, .. } = Self::TYPE;
        if version >= *newest {
            return Ok(serde_json::from_slice(data)?);
        }
        let data = upcast::to_newest(Self::UPCASTS, name, version, newest, data)?;
        Ok(serde_json::from_slice(&data)?)
    }
}

/// The events of one owner. Implemented by [`contract!`](crate::contract), and for readers by
/// [`NoPublicEvents`](crate::NoPublicEvents).
pub trait Contract: Sized + Clone + Send + Sync + fmt::Debug + 'static {
    /// The system that the owner belongs to.
    const SUITE: &'static Suite;
    /// The one service that publishes these events.
    const OWNER: &'static str;
    /// The one topic that they are published to; `None` if the owner is a reader, which publishes nothing.
    const TOPIC: Option<&'static str>;
    /// All types that the owner publishes.
    const TYPES: &'static [EventType];
    /// Attribute with the subject in logs and traces.
    const SUBJECT_ATTRIBUTE: &'static str;

    /// The event's type.
    fn event_type(&self) -> &'static EventType;
    /// The thing that the event is about.
    fn subject(&self) -> Subject;
    /// The data, an [`EventData`].
    fn data(&self) -> &dyn Any;
    /// The data as JSON.
    fn to_json(&self) -> String;
    /// Reads data of any version of a type; `None` if the owner has no type of that name.
    ///
    /// # Errors
    /// As [`EventData::from_versioned`].
    fn from_versioned(name: &str, version: &str, data: &[u8]) -> Option<Result<Self, upcast::Error>>;
    /// JSON Schema of every type's newest version, generated from the Rust type.
    fn schemas() -> Vec<(&'static EventType, Schema)>;
}

/// Declares the enum of an owner's events. Each variant holds the struct of the same name.
///
/// `subject FIELD as ATTRIBUTE` names the field of the structs with the thing that each event is about, and the attribute
/// under which logs and traces show it.
#[macro_export]
macro_rules! contract {
    (
        $(#[$doc:meta])*
        $name:ident, owner $owner:expr, topic $topic:expr, suite $suite:expr,
        subject $subject:ident as $attribute:literal { $($event:ident, $version:literal;)+ }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name { $($event($event),)+ }

        $(impl $crate::EventData for $event {
            const TYPE: &'static $crate::EventType = &$crate::EventType {
                namespace: $suite.namespace,
                name: stringify!($event),
                version: $version,
                owner: $owner,
                topic: $topic,
            };
            const UPCASTS: &'static [$crate::upcast::Step] = $suite.upcasts;

            fn subject(&self) -> $crate::Subject {
                $crate::Subject::new(&self.$subject)
            }
        }

        impl From<$event> for $name {
            fn from(event: $event) -> Self {
                Self::$event(event)
            }
        })+

        impl $crate::Contract for $name {
            const SUITE: &'static $crate::Suite = $suite;
            const OWNER: &'static str = $owner;
            const TOPIC: Option<&'static str> = Some($topic);
            const TYPES: &'static [$crate::EventType] = &[$(*<$event as $crate::EventData>::TYPE,)+];
            const SUBJECT_ATTRIBUTE: &'static str = $attribute;

            fn event_type(&self) -> &'static $crate::EventType {
                match self { $(Self::$event(_) => <$event as $crate::EventData>::TYPE,)+ }
            }

            fn subject(&self) -> $crate::Subject {
                match self { $(Self::$event(event) => $crate::EventData::subject(event),)+ }
            }

            fn data(&self) -> &dyn std::any::Any {
                match self { $(Self::$event(event) => event,)+ }
            }

            fn to_json(&self) -> String {
                let json = match self { $(Self::$event(event) => $crate::serde_json::to_string(event),)+ };
                json.expect("an event has string keys only and no fallible serializer")
            }

            fn from_versioned(
                name: &str,
                version: &str,
                data: &[u8],
            ) -> Option<Result<Self, $crate::upcast::Error>> {
                match name {
                    $(stringify!($event) => {
                        Some(<$event as $crate::EventData>::from_versioned(version, data).map(Self::$event))
                    })+
                    _ => None,
                }
            }

            fn schemas() -> Vec<(&'static $crate::EventType, $crate::schemars::Schema)> {
                vec![$((<$event as $crate::EventData>::TYPE, $crate::schemars::schema_for!($event)),)+]
            }
        }
    };
}
