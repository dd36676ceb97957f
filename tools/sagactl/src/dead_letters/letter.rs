//! One dead letter with its resolutions.

use std::{fmt, str::FromStr};

use bytes::Bytes;
use catalog::ServiceName;
use jiff::Timestamp;
use messaging::dead_letters as header;
use serde::{Serialize, Serializer};

/// Id of a dead letter: `<service>/<partition>/<offset>`, its position in the service's dead letter topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DeadLetterId {
    pub(crate) service: ServiceName,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

impl DeadLetterId {
    fn order(&self) -> (&'static str, i32, i64) {
        (self.service.name(), self.partition, self.offset)
    }
}

impl PartialOrd for DeadLetterId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DeadLetterId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.service.name(), self.partition, self.offset)
    }
}

impl FromStr for DeadLetterId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let mut parts = text.split('/');
            let service = ServiceName::find(parts.next()?)?;
            let (partition, offset) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            parts.next().is_none().then_some(Self { service, partition, offset })
        };
        parsed().ok_or_else(|| "not in the form <service>/<partition>/<offset>, such as inventory/0/17".to_owned())
    }
}

impl Serialize for DeadLetterId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Resolution of a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Resolution {
    /// `redriven` or `discarded`; a newer build may write another word.
    pub(crate) done: String,
    pub(crate) time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// Value of `dlq_resolution` for a redriven record.
pub(crate) const REDRIVEN: &str = "redriven";
/// Value of `dlq_resolution` for a discarded record.
pub(crate) const DISCARDED: &str = header::DISCARDED;

/// A record that a service could not process.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetter {
    pub(crate) id: DeadLetterId,
    pub(crate) key: Option<Bytes>,
    /// All headers, including those that describe the failure.
    pub(crate) headers: Vec<(String, Bytes)>,
    pub(crate) payload: Bytes,
    /// Oldest first. Empty for an open dead letter.
    pub(crate) resolutions: Vec<Resolution>,
}

impl DeadLetter {
    /// Header as text; invalid UTF-8 is replaced. Of several, the last, because services add theirs at the end.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().rfind(|(known, _)| known == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    fn text(&self, name: &str) -> String {
        self.header(name).unwrap_or_default()
    }

    pub(crate) fn error(&self) -> String {
        self.text(header::ERROR)
    }

    pub(crate) fn class(&self) -> String {
        self.text(header::CLASS)
    }

    pub(crate) fn attempts(&self) -> String {
        self.text(header::ATTEMPTS)
    }

    /// Topic of the original record.
    pub(crate) fn topic(&self) -> String {
        self.text(header::TOPIC)
    }

    /// Position of the record when it failed. A redriven record failed in the redrive topic.
    pub(crate) fn origin(&self) -> String {
        format!("{}/{}/{}", self.topic(), self.text(header::PARTITION), self.text(header::OFFSET))
    }

    /// Time at which the record became a dead letter.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        self.text(header::TIME).parse().ok()
    }

    /// Name of the event. Empty if the record has no type.
    pub(crate) fn event(&self) -> String {
        let ce_type = self.text("ce_type");
        ce_type.rsplit('.').next().unwrap_or_default().to_owned()
    }

    /// Subject of the event, or the key of the record if it has no subject.
    pub(crate) fn order(&self) -> String {
        let key = || self.key.as_ref().map(|key| String::from_utf8_lossy(key).into_owned());
        self.header("ce_subject").or_else(key).unwrap_or_default()
    }

    /// Id of the previous dead letter of the same record, which was redriven.
    pub(crate) fn redrive_of(&self) -> Option<DeadLetterId> {
        self.header(header::REDRIVE_OF)?.parse().ok()
    }

    /// Returns whether the payload is only the beginning of the original.
    pub(crate) fn is_cut(&self) -> bool {
        self.header(header::PAYLOAD_SHA256).is_some()
    }

    /// `open`, or the last resolution.
    pub(crate) fn state(&self) -> &str {
        self.resolutions.last().map_or("open", |last| &last.done)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.resolutions.is_empty()
    }

    /// Equal for two copies of the same dead letter. A crash can publish a dead letter twice.
    pub(super) fn identity(&self) -> impl std::hash::Hash + Eq + use<> {
        let Self { id, key, .. } = self;
        (id.service, self.origin(), self.text(header::TIME), key.clone())
    }

    /// Headers of the original record.
    pub(crate) fn original_headers(&self) -> impl Iterator<Item = &(String, Bytes)> {
        let added = |name: &str| {
            let redriven = [header::REDRIVE_OF, header::REDRIVE_TOPIC, header::REDRIVE_ID];
            name.starts_with(header::PREFIX) || redriven.contains(&name)
        };
        self.headers.iter().filter(move |(name, _)| !added(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_parses_its_own_display() {
        let id: DeadLetterId = "inventory/3/17".parse().expect("an id");
        assert_eq!((id.service, id.partition, id.offset), (ServiceName::Inventory, 3, 17));
        assert_eq!(id.to_string(), "inventory/3/17");
        for wrong in ["", "inventory", "inventory/3", "inventory/3/x", "nobody/3/17", "inventory/3/17/1"] {
            assert!(wrong.parse::<DeadLetterId>().is_err(), "{wrong}");
        }
    }
}
