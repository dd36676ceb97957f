//! Inputs and outputs of the store.

mod event;
mod record;
mod stream;
mod transaction;

pub(crate) use self::transaction::{event_numbers, positioned};
pub use self::{
    event::{AsOf, LogEntry, LogPage, LogRange, Publication, StoredEvent, Unpublished},
    record::{
        DeadLetter, NewParked, NewUnsent, Parked, RawRecord, RecordData, Rescheduled, TopicKey, Unsent, UnsentSummary,
    },
    stream::{Head, Listing, MessageIds, Page, Snapshot, StoredStream, StreamRequest, StreamSummary},
    transaction::{Committed, IntentPage, Loaded, NewIntent, OpenIntent, OpenReplay, Replay, StreamWrite, Writes},
};
