//! Violations of a contract.

use crate::{EventType, upcast};

/// Violation of a contract by a record. Reading the record again with the same build fails in the same way.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// A required header is missing.
    #[error("missing header {0}")]
    Missing(&'static str),
    /// A header has an invalid value.
    #[error("invalid header {name}: '{value}' is not {expected}")]
    Header {
        name: &'static str,
        /// The value, shortened to 100 characters.
        value: String,
        expected: &'static str,
    },
    /// The event is on a topic that its owner does not write to.
    #[error("{event} belongs on {owner_topic}, not on {topic}")]
    WrongTopic { event: &'static str, owner_topic: &'static str, topic: String },
    /// The data does not fit its version.
    #[error("invalid data of {} {version}: {source}", event_type.name)]
    Data {
        event_type: &'static EventType,
        /// The version that the record claims.
        version: String,
        source: upcast::Error,
    },
    /// The data is about another subject than the headers.
    #[error("data is about '{data}', but ce_subject is '{subject}'")]
    SubjectMismatch { data: String, subject: String },
}

impl ContractError {
    /// Returns true if the data has a newer version than this build knows, so that a newer build may be able to read it.
    pub fn is_newer_version(&self) -> bool {
        let Self::Data { event_type, version, .. } = self else { return false };
        // Versions are dates, which sort as text.
        let is_date = version.len() >= 7 && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        is_date && version.as_str() > event_type.version
    }
}
