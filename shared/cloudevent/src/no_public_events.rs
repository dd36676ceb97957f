//! The contract of a service that publishes no events.

use std::{any::Any, convert::Infallible, fmt, marker::PhantomData};

use schemars::Schema;

use crate::{Contract, EventType, Subject, Suite, upcast};

/// Name of a reader, a service that publishes nothing, and the system that it reads.
pub trait ReaderIdentity: Send + Sync + 'static {
    /// The reader's name.
    const SERVICE: &'static str;
    /// The system whose events the reader reads.
    const SUITE: &'static Suite;
    /// Attribute with the subject in logs and traces.
    const SUBJECT_ATTRIBUTE: &'static str;
}

/// The public events of a reader: none, so no value of this type exists. Code that receives one writes
/// `match event.never {}`.
pub struct NoPublicEvents<R> {
    pub never: Infallible,
    reader: PhantomData<fn() -> R>,
}

impl<R: ReaderIdentity> Contract for NoPublicEvents<R> {
    const SUITE: &'static Suite = R::SUITE;
    const OWNER: &'static str = R::SERVICE;
    const TOPIC: Option<&'static str> = None;
    const TYPES: &'static [EventType] = &[];
    const SUBJECT_ATTRIBUTE: &'static str = R::SUBJECT_ATTRIBUTE;

    fn event_type(&self) -> &'static EventType {
        match self.never {}
    }

    fn subject(&self) -> Subject {
        match self.never {}
    }

    fn data(&self) -> &dyn Any {
        match self.never {}
    }

    fn to_json(&self) -> String {
        match self.never {}
    }

    fn from_versioned(_: &str, _: &str, _: &[u8]) -> Option<Result<Self, upcast::Error>> {
        None
    }

    fn schemas() -> Vec<(&'static EventType, Schema)> {
        Vec::new()
    }
}

// Derived implementations would demand the same of `R`.

impl<R> Clone for NoPublicEvents<R> {
    fn clone(&self) -> Self {
        match self.never {}
    }
}

impl<R> fmt::Debug for NoPublicEvents<R> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.never {}
    }
}

impl<R> PartialEq for NoPublicEvents<R> {
    fn eq(&self, _: &Self) -> bool {
        match self.never {}
    }
}

impl<R> Eq for NoPublicEvents<R> {}
