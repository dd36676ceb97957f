//! Keys with unsent records, in memory, so that the usual case without any needs no query.

use std::collections::HashSet;

use store::{RecordData, TopicKey};

/// The topics and keys of unsent records. Later records of these keys wait.
#[derive(Default)]
pub(crate) struct BlockedKeys {
    keys: HashSet<TopicKey>,
    /// The term of leadership in which the keys were read. Another leader may change them.
    term: Option<u64>,
}

impl BlockedKeys {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns whether the record must wait.
    pub(super) fn contains(&self, record: &RecordData) -> bool {
        !self.keys.is_empty() && self.keys.contains(&key(record))
    }

    pub(super) fn insert(&mut self, record: &RecordData) {
        self.keys.insert(key(record));
    }

    /// Returns whether the keys are those of this term.
    pub(super) fn is_of(&self, term: u64) -> bool {
        self.term == Some(term)
    }

    /// Replaces the keys by those that were read in a term.
    pub(super) fn set(&mut self, term: u64, keys: HashSet<TopicKey>) {
        (self.term, self.keys) = (Some(term), keys);
    }
}

fn key(record: &RecordData) -> TopicKey {
    (record.topic.clone(), record.key.clone())
}
