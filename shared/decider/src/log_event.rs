//! Events in a service's own log.

use std::fmt;

use cloudevent::{Contract, upcast};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::named::Named;

/// An event in a service's own log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEvent<Public, Internal> {
    /// A contract event: stored, then published.
    Public(Public),
    /// Stored and never published.
    Internal(Internal),
}

/// Stored version of all internal events. They have no versions: a renamed variant or field keeps its old name as an alias.
const INTERNAL_VERSION: &str = "private";

/// An event that stays in its service's log. The names of its variants are storage format.
pub trait InternalEvent: Named + Clone + fmt::Debug + Send + Serialize + DeserializeOwned + 'static {}

impl<T: Named + Clone + fmt::Debug + Send + Serialize + DeserializeOwned + 'static> InternalEvent for T {}

/// Internal events of a service that has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoInternalEvents {}

impl From<&NoInternalEvents> for &'static str {
    fn from(event: &NoInternalEvents) -> Self {
        match *event {}
    }
}

/// Failure to read an event back from the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A contract event's data does not fit its version.
    #[error("invalid {name} {version} in the log: {source}")]
    Public { name: String, version: String, source: upcast::Error },
    /// An internal event's data does not fit.
    #[error("invalid internal event {name} in the log: {source}")]
    Internal { name: String, source: serde_json::Error },
}

impl<Public, Internal> LogEvent<Public, Internal> {
    /// The contract event, if it is one.
    pub fn public(&self) -> Option<&Public> {
        match self {
            Self::Public(event) => Some(event),
            Self::Internal(_) => None,
        }
    }
}

impl<Public: Contract, Internal: InternalEvent> LogEvent<Public, Internal> {
    /// Name, version, and data as JSON, as the log stores them.
    pub fn encode(&self) -> (&'static str, &'static str, String) {
        match self {
            Self::Public(event) => (event.event_type().name, event.event_type().version, event.to_json()),
            Self::Internal(event) => {
                let json = serde_json::to_string(event).expect("an internal event has string keys only");
                (event.name(), INTERNAL_VERSION, json)
            }
        }
    }

    /// Reads an event from the log and upcasts older versions.
    ///
    /// # Errors
    /// The data does not fit the version that it was stored with.
    pub fn decode(name: &str, version: &str, data: &str) -> Result<Self, LogError> {
        if version != INTERNAL_VERSION
            && let Some(read) = Public::from_versioned(name, version, data.as_bytes())
        {
            let failed = |source| LogError::Public { name: name.to_owned(), version: version.to_owned(), source };
            return read.map(Self::Public).map_err(failed);
        }
        let failed = |source| LogError::Internal { name: name.to_owned(), source };
        serde_json::from_str(data).map(Self::Internal).map_err(failed)
    }
}
