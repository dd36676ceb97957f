//! A Kafka record.

use rdkafka::{
    Message,
    message::{BorrowedMessage, Headers as _},
};

/// A record that was read or is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KafkaRecord {
    /// Name without the suite's prefix.
    pub topic: String,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// In the order of the record.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl KafkaRecord {
    /// A record without headers.
    pub fn new(topic: &str, key: &str, value: &[u8]) -> Self {
        let (key, value) = (Some(key.as_bytes().to_vec()), Some(value.to_vec()));
        Self { topic: topic.to_owned(), key, value, headers: Vec::new() }
    }

    /// Copies a message from a topic whose name starts with the suite's prefix.
    pub fn of(message: &BorrowedMessage<'_>, prefix: &str) -> Self {
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        Self {
            topic: message.topic().strip_prefix(prefix).unwrap_or_default().to_owned(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect(),
        }
    }

    /// Adds a header or replaces its value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = Some(value.as_ref().to_vec());
        match self.headers.iter_mut().find(|(known, _)| known == name) {
            Some(header) => header.1 = value,
            None => self.headers.push((name.to_owned(), value)),
        }
        self
    }

    /// Removes a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// Replaces the value.
    #[must_use]
    pub fn with_value(self, value: impl AsRef<[u8]>) -> Self {
        Self { value: Some(value.as_ref().to_vec()), ..self }
    }

    /// A header as text; `None` if it is absent or not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value.as_deref()?).ok()
    }

    /// Returns whether this is the record's key.
    pub fn is_about(&self, key: &str) -> bool {
        self.key.as_deref() == Some(key.as_bytes())
    }

    /// Returns whether the record stores an operator's resolution of a dead letter, so it is not a dead letter itself.
    pub fn resolves_dead_letter(&self) -> bool {
        self.headers.iter().any(|(name, _)| name == "dlq_resolves")
    }

    /// Event type in `ce_type`, without its namespace.
    pub fn event(&self) -> Option<&str> {
        self.header("ce_type")?.rsplit('.').next()
    }
}

/// Position of a record in its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordPosition {
    pub partition: i32,
    pub offset: i64,
}
