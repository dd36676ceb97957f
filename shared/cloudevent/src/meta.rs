//! Everything about an event besides its data.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{Contract, ContractError, CorrelationId, EventData, EventId, EventType, Subject, Suite, upcast};

/// Everything about an event besides its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// `ce_id`.
    pub id: EventId,
    /// Name, version and owner; `ce_type`, `ce_dataschema` and `ce_source`.
    pub event_type: &'static EventType,
    /// `ce_subject` and the record's key.
    pub subject: Subject,
    /// Time of the event; `ce_time`.
    pub time: Timestamp,
    /// `ce_correlationid`, our extension.
    pub correlation_id: CorrelationId,
    /// The event that caused this one; `None` for a request or a deadline; `ce_causationid`, our extension.
    pub causation_id: Option<EventId>,
    /// Length of the chain of events that caused this one; `ce_hops`, our extension. In a loop it only grows.
    pub hops: u32,
    /// Number among the events that the owner published about this subject, from 1; `ce_subjectsequence`, our extension.
    /// `None` for events that were published before the attribute existed.
    pub sequence: Option<u64>,
    /// The wave in which the event was published again on purpose; `None` for its first publication; `ce_replay`, our
    /// extension. Wave ids are ordered by their time.
    pub replay: Option<Uuid>,
}

impl Meta {
    /// Reads the event's data, written in `version`.
    ///
    /// # Errors
    /// The data does not fit the version, or is about another subject than the headers.
    ///
    /// # Panics
    /// `E` is not the type that [`Meta::event_type`] names.
    pub fn decode<E: EventData>(&self, version: &str, data: &[u8]) -> Result<E, ContractError> {
        assert_eq!(self.event_type.name, E::TYPE.name, "the caller chose the type by its name");
        let event: E = E::from_versioned(version, data).map_err(|source| self.data_error(version, source))?;
        self.check_subject(&event.subject())?;
        Ok(event)
    }

    /// Reads the event's data, written in `version`, as one of its owner's events.
    ///
    /// # Errors
    /// As [`Meta::decode`].
    ///
    /// # Panics
    /// The owner has no such type.
    pub fn decode_any<C: Contract>(&self, version: &str, data: &[u8]) -> Result<C, ContractError> {
        let read = C::from_versioned(self.event_type.name, version, data).expect("the owner has this type");
        let event = read.map_err(|source| self.data_error(version, source))?;
        self.check_subject(&event.subject())?;
        Ok(event)
    }

    /// Checks data, written in `version`, that the caller does not need.
    ///
    /// # Errors
    /// As [`Meta::decode`].
    pub fn check(&self, suite: &Suite, version: &str, data: &[u8]) -> Result<(), ContractError> {
        match (suite.subject_of)(self.event_type.name, version, data) {
            None => Ok(()),
            Some(Ok(subject)) => self.check_subject(&subject),
            Some(Err(source)) => Err(self.data_error(version, source)),
        }
    }

    fn data_error(&self, version: &str, source: upcast::Error) -> ContractError {
        ContractError::Data { event_type: self.event_type, version: version.to_owned(), source }
    }

    fn check_subject(&self, data: &Subject) -> Result<(), ContractError> {
        if *data == self.subject {
            return Ok(());
        }
        Err(ContractError::SubjectMismatch { data: data.to_string(), subject: self.subject.to_string() })
    }
}
