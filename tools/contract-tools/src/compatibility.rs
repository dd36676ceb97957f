//! Who can read whose data.

use std::fmt;

/// Who can read whose data, as Confluent's Schema Registry defines it
/// (<https://docs.confluent.io/platform/current/schema-registry/fundamentals/schema-evolution.html>): a change is
/// *backward* compatible when the new schema reads data that was written with the old one, and *forward* compatible when
/// the old schema reads data that is written with the new one.
///
/// One assumption is ours: a reader ignores fields that it does not know, and a producer writes no fields but those of
/// its schema. So a new optional field is compatible both ways, which it is not under Confluent's open content model,
/// where old data might have that field already, with another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compatibility {
    /// Both ways.
    Full,
    /// New consumers read old data; older consumers may refuse new data.
    Backward,
    /// Older consumers read new data; new consumers may refuse old data.
    Forward,
    /// Neither way.
    Incompatible,
}

impl Compatibility {
    /// From the two questions.
    pub const fn new(backward: bool, forward: bool) -> Self {
        match (backward, forward) {
            (true, true) => Self::Full,
            (true, false) => Self::Backward,
            (false, true) => Self::Forward,
            (false, false) => Self::Incompatible,
        }
    }

    /// Whether the new schema reads old data.
    pub const fn is_backward(self) -> bool {
        matches!(self, Self::Full | Self::Backward)
    }

    /// Whether the old schema reads new data.
    pub const fn is_forward(self) -> bool {
        matches!(self, Self::Full | Self::Forward)
    }

    /// That of two changes together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self::new(self.is_backward() && other.is_backward(), self.is_forward() && other.is_forward())
    }

    /// Whom it hurts, in words.
    pub const fn consequence(self) -> &'static str {
        match self {
            Self::Full => "fits both ways",
            Self::Backward => "older consumers may refuse new data",
            Self::Forward => "data of older producers may not fit",
            Self::Incompatible => "data of older producers may not fit, and older consumers may refuse new data",
        }
    }

    /// In which order a new version with this change goes into production, given a step that reads old data.
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
    fn changes_together_are_compatible_where_each_is() {
        assert_eq!(Full.and(Backward), Backward);
        assert_eq!(Backward.and(Forward), Incompatible);
        assert_eq!(Forward.and(Forward), Forward);
        assert_eq!(Incompatible.and(Full), Incompatible);
    }
}
