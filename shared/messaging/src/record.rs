//! Received records and the offsets after them.

mod owned;

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use rdkafka::{
    Message,
    message::{BorrowedMessage, Headers as _},
};

pub use owned::OwnedRecord;

/// A borrowed record.
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

/// The parts of a record, to rebuild one that was stored.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The topic's name without prefix.
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
    /// The producer's timestamp in milliseconds since 1970, if any.
    pub timestamp_ms: Option<i64>,
    pub key: Option<&'a [u8]>,
    pub headers: &'a [(String, Bytes)],
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
    /// Borrows a message; `topic` is the topic's name without prefix.
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

    /// Returns the same record under another topic.
    #[must_use]
    pub fn as_of<'b>(&self, topic: &'b str) -> Record<'b>
    where
        'a: 'b,
    {
        Record { topic, ..self.clone() }
    }

    /// The topic's name without prefix.
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    /// The partition.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// The offset in the partition.
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// The producer's timestamp in milliseconds since 1970, if any.
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.timestamp_ms
    }

    /// The key, if any.
    pub fn key(&self) -> Option<&'a [u8]> {
        self.key
    }

    /// The value; empty for a tombstone.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The value of the first header of this name, if it is UTF-8.
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

    /// Copies the record into a single allocation, because most copies are never read.
    pub fn to_owned_record(&self) -> OwnedRecord {
        OwnedRecord::new(self)
    }
}

/// The client panics at a header name that is not UTF-8. Such a record is read without headers rather than not at all.
fn headers<'a>(message: &'a BorrowedMessage<'a>) -> Vec<(&'a str, &'a [u8])> {
    let Some(headers) = message.headers() else { return Vec::new() };
    let read = || headers.iter().map(|header| (header.key, header.value.unwrap_or(&[]))).collect();
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_default()
}

/// Records that had arrived, converted to `T`.
#[derive(Debug)]
pub struct Batch<T> {
    /// The converted records, without those that `read` skipped.
    pub items: Vec<T>,
    /// Offsets to store after all items are processed.
    pub offsets: Offsets,
}

/// The next offset of every partition in a batch.
///
/// Topics have the broker's names, because an offset is valid for the broker's topic only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offsets(pub(crate) Vec<(String, i32, i64)>);

impl Offsets {
    /// Topic, partition and next offset of each partition.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i32, i64)> {
        self.0.iter().map(|(topic, partition, next)| (topic.as_str(), *partition, *next))
    }

    /// Sets the next offset of a partition.
    pub fn set(&mut self, topic: &str, partition: i32, next: i64) {
        let known = self.0.iter_mut().find(|known| known.1 == partition && known.0 == topic);
        match known {
            Some(known) => known.2 = next,
            None => self.0.push((topic.to_owned(), partition, next)),
        }
    }

    /// The next offset of a partition.
    pub(crate) fn next(&self, topic: &str, partition: i32) -> Option<i64> {
        self.iter().find(|(name, number, _)| *name == topic && *number == partition).map(|(_, _, next)| next)
    }

    pub(crate) fn advance(&mut self, message: &BorrowedMessage<'_>) {
        self.set(message.topic(), message.partition(), message.offset() + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_keep_the_last_of_each_partition() {
        let mut offsets = Offsets::default();
        for (topic, partition, next) in [("a", 0, 1), ("a", 1, 5), ("b", 0, 7), ("a", 0, 3)] {
            offsets.set(topic, partition, next);
        }
        assert_eq!(offsets.iter().collect::<Vec<_>>(), [("a", 0, 3), ("a", 1, 5), ("b", 0, 7)]);
        assert_eq!(offsets.next("a", 1), Some(5));
        assert_eq!(offsets.next("b", 1), None);
    }
}
