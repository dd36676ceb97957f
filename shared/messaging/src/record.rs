//! Records as they come, and how far they were read.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use rdkafka::{
    Message,
    message::{BorrowedMessage, Headers as _},
};

use crate::OwnedRecord;

/// A record, borrowed from who holds it.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: Option<i64>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) headers: Vec<(&'a str, &'a [u8])>,
    pub(crate) payload: &'a [u8],
}

/// A record's parts, for one that was put aside.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The topic's own name.
    pub topic: &'a str,
    /// Its partition.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// When the producer made it, in milliseconds since 1970, if it says so.
    pub timestamp_ms: Option<i64>,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its headers, in order.
    pub headers: &'a [(String, Bytes)],
    /// Its value.
    pub payload: &'a [u8],
}

impl<'a> From<Parts<'a>> for Record<'a> {
    fn from(parts: Parts<'a>) -> Self {
        let Parts { topic, partition, offset, timestamp_ms, key, headers, payload } = parts;
        let headers = headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
        Self { topic, partition, offset, timestamp_ms, key, headers, payload }
    }
}

impl<'a> Record<'a> {
    /// A message of a topic whose own name this is.
    pub(crate) fn of(message: &'a BorrowedMessage<'a>, topic: &'a str) -> Self {
        Self {
            topic,
            partition: message.partition(),
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis(),
            key: message.key(),
            headers: headers(message),
            payload: message.payload().unwrap_or_default(),
        }
    }

    /// The same record, as one of another topic.
    #[must_use]
    pub fn as_of<'b>(&self, topic: &'b str) -> Record<'b>
    where
        'a: 'b,
    {
        Record { topic, ..self.clone() }
    }

    /// The topic's own name.
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    /// Its partition.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// Its place in the partition.
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// When the producer made it, in milliseconds since 1970, if it said so.
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.timestamp_ms
    }

    /// Its key.
    pub fn key(&self) -> Option<&'a [u8]> {
        self.key
    }

    /// Its value; empty for a tombstone.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// A header's value, if it is text.
    pub fn text_header(&self, name: &str) -> Option<&'a str> {
        self.header(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All headers, copied.
    pub fn copy_headers(&self) -> Vec<(String, Bytes)> {
        self.headers.iter().map(|(name, value)| ((*name).to_owned(), Bytes::copy_from_slice(value))).collect()
    }

    /// All headers, in order.
    pub fn headers(&self) -> &[(&'a str, &'a [u8])] {
        &self.headers
    }

    /// A copy that outlives whoever holds the record, in one piece of memory: most are never looked at.
    pub fn to_owned_record(&self) -> OwnedRecord {
        OwnedRecord::new(self)
    }
}

/// The client panics at a header whose name is no text. Such a record is read without headers rather than not at all.
fn headers<'a>(message: &'a BorrowedMessage<'a>) -> Vec<(&'a str, &'a [u8])> {
    let Some(headers) = message.headers() else { return Vec::new() };
    let read = || headers.iter().map(|header| (header.key, header.value.unwrap_or(&[]))).collect();
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_default()
}

/// What had arrived.
#[derive(Debug)]
pub struct Batch<T> {
    /// What the records were made into; records made into nothing are left out.
    pub items: Vec<T>,
    /// What is done once all of them are.
    pub offsets: Offsets,
}

/// The next offset of every partition in a batch.
#[derive(Debug, Default)]
pub struct Offsets(pub(crate) Vec<(String, i32, i64)>);

impl Offsets {
    pub(crate) fn advance(&mut self, message: &BorrowedMessage<'_>) {
        let (next, partition) = (message.offset() + 1, message.partition());
        let known = self.0.iter_mut().find(|known| known.1 == partition && known.0 == message.topic());
        match known {
            Some(known) => known.2 = next,
            None => self.0.push((message.topic().to_owned(), partition, next)),
        }
    }
}
