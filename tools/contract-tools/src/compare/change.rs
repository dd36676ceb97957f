//! Differences between two schemas.

use std::fmt;

use serde_json::Value;

use crate::compatibility::Compatibility;

/// One difference between two versions of a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// JSON pointer into the data; `*` stands for every element.
    pub pointer: String,
    pub what: String,
    pub compatibility: Compatibility,
    /// Value of a new field in data that lacks it, from the schema.
    pub default: Option<Value>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() { "/" } else { &self.pointer };
        write!(f, "{pointer}: {}: {}", self.what, self.compatibility.consequence())
    }
}

/// Compatibility of all changes together.
pub fn compatibility(changes: &[Change]) -> Compatibility {
    changes.iter().fold(Compatibility::Full, |all, change| all.and(change.compatibility))
}

/// Accumulates differences.
pub(super) struct Changes(pub(super) Vec<Change>);

impl Changes {
    pub(super) fn add(&mut self, pointer: &str, what: impl Into<String>, compatibility: Compatibility) {
        self.0.push(Change { pointer: pointer.to_owned(), what: what.into(), compatibility, default: None });
    }
}
