//! A contract event as a Kafka record: `CloudEvents` 1.0, Kafka protocol binding, binary mode.
//!
//! The attributes are headers prefixed `ce_`; the record's value is the data alone; its key is the order id.
//! See <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md>.

use jiff::Timestamp;

use crate::{CorrelationId, Event, EventId, EventType, OrderId, Owner, event_type, upcast};

/// Before the event's name in `ce_type`, as the specification asks for: a reverse domain name. Forks put theirs here.
const TYPE_PREFIX: &str = "com.example.ordersaga.";

/// What is known about an event besides its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Unique for ever; `ce_id`.
    pub id: EventId,
    /// Its name, version and owner; `ce_type`, `ce_dataschema` and `ce_source`.
    pub event_type: &'static EventType,
    /// The order it is about; `ce_subject` and the record's key.
    pub order_id: OrderId,
    /// When it happened; `ce_time`.
    pub time: Timestamp,
    /// Shared by everything that the same request caused; `ce_correlationid`.
    pub correlation_id: CorrelationId,
    /// The event that led to this one; none when it was a request or a deadline; `ce_causationid`.
    pub causation_id: Option<EventId>,
    /// How many events led to this one, one after the other; `ce_hops`. A loop shows as a number that only grows.
    pub hops: u32,
}

/// The headers of an event's record, by name.
pub fn headers(meta: &Meta, schema_base_url: &str) -> Vec<(&'static str, String)> {
    let EventType { name, version, owner } = meta.event_type;
    let mut headers = vec![
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", meta.id.to_string()),
        ("ce_source", format!("/{}", owner.name())),
        ("ce_type", format!("{TYPE_PREFIX}{name}")),
        ("ce_subject", meta.order_id.to_string()),
        ("ce_time", meta.time.to_string()),
        ("ce_dataschema", format!("{schema_base_url}/schemas/{name}/{version}")),
        ("ce_correlationid", meta.correlation_id.to_string()),
        ("ce_hops", meta.hops.to_string()),
        ("content-type", "application/json".to_owned()),
    ];
    if let Some(cause) = meta.causation_id {
        headers.push(("ce_causationid", cause.to_string()));
    }
    headers
}

/// The event type that a `ce_type` names, if this build knows it.
pub fn event_type_of(ce_type: &str) -> Option<&'static EventType> {
    ce_type.strip_prefix(TYPE_PREFIX).and_then(event_type)
}

/// A contract event with its metadata, in the newest version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// From the headers.
    pub meta: Meta,
    /// From the value.
    pub event: Event,
}

/// A record that breaks no contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// An event that this build knows.
    Known(Box<Received>),
    /// A well-formed event of a type that this build doesn't know: a newer producer's, to be ignored.
    Unknown {
        /// Its `ce_type`.
        ce_type: String,
    },
}

/// How a record breaks the contract. It will break it again whenever this build reads it.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// A required header is missing.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// A header does not hold what it must.
    #[error("header {name} is '{value}', which is not {expected}")]
    Header {
        /// The header's name.
        name: &'static str,
        /// Its value, shortened.
        value: String,
        /// What it should have been.
        expected: &'static str,
    },
    /// The event is on a topic that its owner does not write to.
    #[error("{event} belongs on {owner_topic}, not on {topic}")]
    WrongTopic {
        /// The event type.
        event: &'static str,
        /// Where it belongs.
        owner_topic: &'static str,
        /// Where it was.
        topic: String,
    },
    /// The data can't be read.
    #[error("{event} {version}: {source}")]
    Data {
        /// The event type.
        event: &'static str,
        /// The version it claims.
        version: String,
        /// What is wrong with it.
        source: upcast::Error,
    },
    /// The data is about another order than the headers say.
    #[error("data is about order {data}, but ce_subject is {subject}")]
    SubjectMismatch {
        /// The data's order.
        data: OrderId,
        /// The header's order.
        subject: OrderId,
    },
}

impl ContractError {
    /// Whether the data is of a version that is newer than the newest known here, so that a newer build may read it.
    pub fn is_newer_version(&self) -> bool {
        let Self::Data { event, version, .. } = self else { return false };
        // Versions are dates, which sort as text.
        let is_date = version.len() >= 7 && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        is_date && event_type(event).is_some_and(|known| version.as_str() > known.version)
    }
}

/// Reads a record as a contract event.
///
/// `header` gives a header's value by name. `topic` is the topic's own name, without a deployment's prefix.
///
/// # Errors
/// The record breaks its contract: it is no `CloudEvent`, is on the wrong topic, or its data does not fit its version.
pub fn decode<'a>(
    topic: &str,
    header: impl Fn(&str) -> Option<&'a [u8]>,
    data: &[u8],
) -> Result<Decoded, ContractError> {
    let headers = Headers { header };
    let specversion = headers.required("ce_specversion")?;
    if !specversion.starts_with("1.") {
        return Err(invalid("ce_specversion", specversion, "1.x"));
    }
    let ce_type = headers.required("ce_type")?;
    let Some(event_type) = event_type_of(ce_type) else {
        return Ok(Decoded::Unknown { ce_type: ce_type.to_owned() });
    };
    if event_type.owner.topic() != topic {
        let (event, owner_topic) = (event_type.name, event_type.owner.topic());
        return Err(ContractError::WrongTopic { event, owner_topic, topic: topic.to_owned() });
    }
    let meta = headers.meta(event_type)?;
    let event = headers.data(event_type, data)?;
    if event.order_id() != meta.order_id {
        return Err(ContractError::SubjectMismatch { data: event.order_id(), subject: meta.order_id });
    }
    Ok(Decoded::Known(Box::new(Received { meta, event })))
}

struct Headers<F> {
    header: F,
}

impl<'a, F: Fn(&str) -> Option<&'a [u8]>> Headers<F> {
    fn optional(&self, name: &'static str) -> Result<Option<&'a str>, ContractError> {
        let Some(value) = (self.header)(name) else { return Ok(None) };
        match std::str::from_utf8(value) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(invalid(name, &String::from_utf8_lossy(value), "UTF-8")),
        }
    }

    fn required(&self, name: &'static str) -> Result<&'a str, ContractError> {
        self.optional(name)?.ok_or(ContractError::Missing(name))
    }

    fn parsed<T: std::str::FromStr>(&self, name: &'static str, expected: &'static str) -> Result<T, ContractError> {
        let value = self.required(name)?;
        value.parse().map_err(|_| invalid(name, value, expected))
    }

    fn meta(&self, event_type: &'static EventType) -> Result<Meta, ContractError> {
        let source = self.required("ce_source")?;
        let owner: Owner = event_type.owner;
        if source.strip_prefix('/') != Some(owner.name()) {
            return Err(invalid("ce_source", source, "the event's owner"));
        }
        let causation_id = match self.optional("ce_causationid")? {
            Some(_) => Some(self.parsed("ce_causationid", "a UUID")?),
            None => None,
        };
        Ok(Meta {
            id: self.parsed("ce_id", "a UUID")?,
            event_type,
            order_id: self.parsed("ce_subject", "an order id")?,
            time: self.parsed("ce_time", "an RFC 3339 time")?,
            correlation_id: self.parsed("ce_correlationid", "a UUID")?,
            causation_id,
            hops: self.parsed("ce_hops", "a number")?,
        })
    }

    fn data(&self, event_type: &'static EventType, data: &[u8]) -> Result<Event, ContractError> {
        let dataschema = self.required("ce_dataschema")?;
        let mut path = dataschema.rsplit('/');
        let version = path.next().unwrap_or_default();
        if path.next() != Some(event_type.name) {
            return Err(invalid("ce_dataschema", dataschema, "a URL that ends in the event's name and version"));
        }
        Event::from_versioned(event_type.owner, event_type.name, version, data)
            .expect("the owner has this type")
            .map_err(|source| ContractError::Data { event: event_type.name, version: version.to_owned(), source })
    }
}

fn invalid(name: &'static str, value: &str, expected: &'static str) -> ContractError {
    ContractError::Header { name, value: value.chars().take(100).collect(), expected }
}
