//! Compatibility between versions of a schema.

use std::fmt;

/// Compatibility as Confluent's Schema Registry defines it
/// (<https://docs.confluent.io/platform/current/schema-registry/fundamentals/schema-evolution.html>): a change is
/// *backward* compatible if the new schema reads data written with the old one, and *forward* compatible if the old
/// schema reads data written with the new one.
///
/// One assumption differs: readers ignore unknown fields, and producers write only fields of their schema. A new
/// optional field is therefore fully compatible. Under Confluent's open content model it is not, because old data may
/// already contain that field with another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compatibility {
    /// Backward and forward.
    Full,
    /// New consumers read old data; older consumers may reject new data.
    Backward,
    /// Older consumers read new data; new consumers may reject old data.
    Forward,
    Incompatible,
}

impl Compatibility {
    /// Compatibility with these two properties.
    pub const fn new(backward: bool, forward: bool) -> Self {
        match (backward, forward) {
            (true, true) => Self::Full,
            (true, false) => Self::Backward,
            (false, true) => Self::Forward,
            (false, false) => Self::Incompatible,
        }
    }

    /// Returns whether the new schema reads old data.
    pub const fn is_backward(self) -> bool {
        matches!(self, Self::Full | Self::Backward)
    }

    /// Returns whether the old schema reads new data.
    pub const fn is_forward(self) -> bool {
        matches!(self, Self::Full | Self::Forward)
    }

    /// Compatibility of two changes together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self::new(self.is_backward() && other.is_backward(), self.is_forward() && other.is_forward())
    }

    /// Consequence for producers and consumers.
    pub const fn consequence(self) -> &'static str {
        match self {
            Self::Full => "compatible in both directions",
            Self::Backward => "older consumers may reject new data",
            Self::Forward => "data of older producers may be rejected",
            Self::Incompatible => "data of older producers may be rejected, and older consumers may reject new data",
        }
    }

    /// Deployment order of a new version with this change, given an upcaster for old data.
    pub const fn rollout(self) -> &'static str {
        if self.is_forward() { "in any order" } else { "all consumers before the producer" }
    }
}

impl fmt::Display for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "fully compatible",
            Self::Backward => "backward compatible only",
            Self::Forward => "forward compatible only",
            Self::Incompatible => "incompatible",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Compatibility::{Backward, Forward, Full, Incompatible};

    #[test]
    fn and_is_compatible_where_both_are() {
        assert_eq!(Full.and(Backward), Backward);
        assert_eq!(Backward.and(Forward), Incompatible);
        assert_eq!(Forward.and(Forward), Forward);
        assert_eq!(Incompatible.and(Full), Incompatible);
    }
}
