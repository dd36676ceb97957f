//! An event as a Kafka record: `CloudEvents` 1.0, Kafka protocol binding, binary mode.
//!
//! The attributes are headers prefixed `ce_`; the record's value is the data alone; its key is the subject.
//! See <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md>.

use uuid::Uuid;

use crate::{ContractError, EventType, Meta};

/// Minimum digits of `ce_subjectsequence`, so that its values sort as text, too.
const SEQUENCE_DIGITS: usize = 10;

/// The headers of an event's record, by name. `version` is that of the data; `schema_base_url` precedes
/// `/schemas/<event>/<version>`.
pub fn headers(meta: &Meta, version: &str, schema_base_url: &str) -> Vec<(&'static str, String)> {
    let EventType { namespace, name, owner, .. } = meta.event_type;
    let mut headers = vec![
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", meta.id.to_string()),
        ("ce_source", format!("/{owner}")),
        ("ce_type", format!("{namespace}{name}")),
        ("ce_subject", meta.subject.to_string()),
        ("ce_time", meta.time.to_string()),
        ("ce_dataschema", format!("{schema_base_url}/schemas/{name}/{version}")),
        ("ce_correlationid", meta.correlation_id.to_string()),
        ("ce_hops", meta.hops.to_string()),
        ("content-type", "application/json".to_owned()),
    ];
    if let Some(cause) = meta.causation_id {
        headers.push(("ce_causationid", cause.to_string()));
    }
    if let Some(sequence) = meta.sequence {
        headers.push(("ce_subjectsequence", format!("{sequence:0SEQUENCE_DIGITS$}")));
    }
    if let Some(wave) = meta.replay {
        headers.push(("ce_replay", wave.to_string()));
    }
    headers
}

/// A record whose headers keep the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Envelope<'a> {
    /// An event of a type that the reader looks for.
    Known { meta: Box<Meta>, version: &'a str },
    /// An event of another type, to be ignored.
    Unknown { ce_type: &'a str },
}

/// Reads a record's headers.
///
/// `header` returns a header's value by name, `find` the event type of a `ce_type` that the reader looks for. `topic` is
/// the topic's name without a deployment's prefix.
///
/// # Errors
/// The record is not a `CloudEvent`, lacks an attribute, or is on a topic that the event's owner does not write to.
pub fn read<'a>(
    topic: &str,
    header: impl Fn(&str) -> Option<&'a [u8]>,
    find: impl FnOnce(&str) -> Option<&'static EventType>,
) -> Result<Envelope<'a>, ContractError> {
    let headers = Headers { header };
    let specversion = headers.required("ce_specversion")?;
    if !specversion.starts_with("1.") {
        return Err(invalid("ce_specversion", specversion, "1.x"));
    }
    let ce_type = headers.required("ce_type")?;
    let Some(event_type) = find(ce_type) else { return Ok(Envelope::Unknown { ce_type }) };
    if event_type.topic != topic {
        let (event, owner_topic) = (event_type.name, event_type.topic);
        return Err(ContractError::WrongTopic { event, owner_topic, topic: topic.to_owned() });
    }
    let (meta, version) = (headers.meta(event_type)?, headers.version(event_type)?);
    Ok(Envelope::Known { meta: Box::new(meta), version })
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
        if source.strip_prefix('/') != Some(event_type.owner) {
            return Err(invalid("ce_source", source, "the event's owner"));
        }
        let causation_id = match self.optional("ce_causationid")? {
            Some(_) => Some(self.parsed("ce_causationid", "a UUID")?),
            None => None,
        };
        let replay = match self.optional("ce_replay")? {
            Some(text) => Some(wave(text).ok_or_else(|| invalid("ce_replay", text, "a UUID of version 7"))?),
            None => None,
        };
        let sequence = match self.optional("ce_subjectsequence")? {
            Some(text) => Some(sequence(text).ok_or_else(|| invalid("ce_subjectsequence", text, "ten digits"))?),
            None => None,
        };
        Ok(Meta {
            id: self.parsed("ce_id", "a UUID")?,
            event_type,
            subject: self.parsed("ce_subject", "a subject")?,
            time: self.parsed("ce_time", "an RFC 3339 time")?,
            correlation_id: self.parsed("ce_correlationid", "a UUID")?,
            causation_id,
            hops: self.parsed("ce_hops", "a number")?,
            sequence,
            replay,
        })
    }

    fn version(&self, event_type: &EventType) -> Result<&'a str, ContractError> {
        let dataschema = self.required("ce_dataschema")?;
        let mut path = dataschema.rsplit('/');
        let version = path.next().unwrap_or_default();
        if path.next() != Some(event_type.name) {
            return Err(invalid("ce_dataschema", dataschema, "a URL that ends in the event's name and version"));
        }
        Ok(version)
    }
}

/// Parses the id of a wave. Ids of version 7 are ordered by their time.
fn wave(text: &str) -> Option<Uuid> {
    text.parse().ok().filter(|wave: &Uuid| wave.get_version_num() == 7)
}

/// Parses a sequence number, which is at least 1.
fn sequence(text: &str) -> Option<u64> {
    let is_valid = text.len() >= SEQUENCE_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|sequence| is_valid && *sequence > 0)
}

fn invalid(name: &'static str, value: &str, expected: &'static str) -> ContractError {
    ContractError::Header { name, value: value.chars().take(100).collect(), expected }
}
