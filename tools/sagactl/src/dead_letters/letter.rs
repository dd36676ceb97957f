//! One dead letter, with what was done about it.

use std::{fmt, str::FromStr};

use bytes::Bytes;
use contracts::ServiceName;
use jiff::Timestamp;
use messaging::dead_letters as header;
use serde::{Serialize, Serializer};

/// Names a dead letter: `<service>/<partition>/<offset>`, its place in the service's topic of dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id {
    pub(crate) service: ServiceName,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

impl Id {
    fn order(&self) -> (&'static str, i32, i64) {
        (self.service.name(), self.partition, self.offset)
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.service.name(), self.partition, self.offset)
    }
}

impl FromStr for Id {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let mut parts = text.split('/');
            let service = ServiceName::find(parts.next()?)?;
            let (partition, offset) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            parts.next().is_none().then_some(Self { service, partition, offset })
        };
        parsed().ok_or_else(|| "is not <service>/<partition>/<offset>, such as inventory/0/17".to_owned())
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What was done about a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Resolution {
    /// `redriven` or `discarded`; another word is one of a newer build.
    pub(crate) done: String,
    pub(crate) time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// What `dlq_resolution` says of a record that is tried once more.
pub(crate) const REDRIVEN: &str = "redriven";
/// What it says of one about which nothing is to be done.
pub(crate) const DISCARDED: &str = "discarded";

/// A record that a service could not handle.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetter {
    pub(crate) id: Id,
    pub(crate) key: Option<Bytes>,
    /// All headers, those that say what was wrong too.
    pub(crate) headers: Vec<(String, Bytes)>,
    pub(crate) payload: Bytes,
    /// The oldest first; none: it is open.
    pub(crate) resolutions: Vec<Resolution>,
}

impl DeadLetter {
    /// A header as text; what is no text is shown as well as it can be.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
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

    /// The topic that the record came from at first.
    pub(crate) fn topic(&self) -> String {
        self.text(header::TOPIC)
    }

    /// Where the record was when it failed. What was redriven was in the topic for that.
    pub(crate) fn origin(&self) -> String {
        format!("{}/{}/{}", self.topic(), self.text(header::PARTITION), self.text(header::OFFSET))
    }

    /// When it became a dead letter.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        self.text(header::TIME).parse().ok()
    }

    /// The event's name, as far as the record has one.
    pub(crate) fn event(&self) -> String {
        let ce_type = self.text("ce_type");
        ce_type.rsplit('.').next().unwrap_or_default().to_owned()
    }

    /// The order that it is about, as far as the record says so: by its subject or by its key.
    pub(crate) fn order(&self) -> String {
        let key = || self.key.as_ref().map(|key| String::from_utf8_lossy(key).into_owned());
        self.header("ce_subject").or_else(key).unwrap_or_default()
    }

    /// The dead letter that it was before it was redriven.
    pub(crate) fn redrive_of(&self) -> Option<Id> {
        self.header(header::REDRIVE_OF)?.parse().ok()
    }

    /// `open`, or what was done last.
    pub(crate) fn state(&self) -> &str {
        self.resolutions.last().map_or("open", |last| &last.done)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.resolutions.is_empty()
    }

    /// A crash may have it published twice: then all of this is the same.
    pub(super) fn identity(&self) -> impl std::hash::Hash + Eq + use<> {
        let Self { id, key, .. } = self;
        (id.service, self.origin(), self.text(header::TIME), key.clone())
    }

    /// The headers of the record as it was at first.
    pub(crate) fn original_headers(&self) -> impl Iterator<Item = &(String, Bytes)> {
        let added = |name: &str| {
            name.starts_with(header::PREFIX) || [header::REDRIVE_OF, header::REDRIVE_TOPIC].contains(&name)
        };
        self.headers.iter().filter(move |(name, _)| !added(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_as_it_is_read() {
        let id: Id = "inventory/3/17".parse().expect("an id");
        assert_eq!((id.service, id.partition, id.offset), (ServiceName::Inventory, 3, 17));
        assert_eq!(id.to_string(), "inventory/3/17");
        for wrong in ["", "inventory", "inventory/3", "inventory/3/x", "nobody/3/17", "inventory/3/17/1"] {
            assert!(wrong.parse::<Id>().is_err(), "{wrong}");
        }
    }
}
