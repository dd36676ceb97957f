//! Names of streams.

use std::fmt;

/// Name of a stream, `<category>-<id>`: the events about one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    name: String,
    category_len: usize,
}

impl StreamId {
    /// The stream of the thing with this id in a category. A category contains no `-`.
    pub fn new(category: &'static str, id: impl fmt::Display) -> Self {
        Self { name: format!("{category}-{id}"), category_len: category.len() }
    }

    /// A stream by its full name. Returns `None` if the name has no category.
    pub fn parse(name: String) -> Option<Self> {
        let category_len = name.find('-')?;
        Some(Self { name, category_len })
    }

    /// `<category>-<id>`.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Kind of thing that the stream is about.
    pub fn category(&self) -> &str {
        &self.name[..self.category_len]
    }

    /// Id of the thing that the stream is about, as text.
    pub fn id(&self) -> &str {
        &self.name[self.category_len + 1..]
    }

    /// Typed id of the thing that the stream is about. Returns `None` for a stream of another category.
    pub fn id_in<Id: std::str::FromStr>(&self, category: &str) -> Option<Id> {
        if self.category() == category { self.id().parse().ok() } else { None }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
