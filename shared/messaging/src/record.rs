//! Records as they come, and how far they were read.

use rdkafka::{
    Message,
    message::{BorrowedMessage, Headers as _},
};

/// A record, borrowed from the client's own memory.
pub struct Record<'a> {
    pub(crate) message: &'a BorrowedMessage<'a>,
    pub(crate) topic: &'a str,
}

impl<'a> Record<'a> {
    /// The topic's own name.
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    /// Its partition.
    pub fn partition(&self) -> i32 {
        self.message.partition()
    }

    /// Its place in the partition.
    pub fn offset(&self) -> i64 {
        self.message.offset()
    }

    /// When the producer made it, in milliseconds since 1970, if it says so.
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.message.timestamp().to_millis()
    }

    /// Its key.
    pub fn key(&self) -> Option<&'a [u8]> {
        self.message.key()
    }

    /// Its value; empty for a tombstone.
    pub fn payload(&self) -> &'a [u8] {
        self.message.payload().unwrap_or_default()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All headers, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let headers = self.message.headers();
        headers.into_iter().flat_map(|headers| headers.iter()).map(|header| (header.key, header.value.unwrap_or(&[])))
    }
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
