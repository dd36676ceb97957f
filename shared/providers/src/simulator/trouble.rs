//! What goes wrong at a provider whatever it is asked.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    time::Duration,
};

use super::{Call, LedgerError, ledger::Ledger};

/// What goes wrong besides what the input asks for. None by default.
///
/// Which calls it hits follows from their kind, key and number, so a run can be repeated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Passes before a call arrives.
    pub latency: Duration,
    /// Calls out of a hundred that fail before they do anything.
    pub failing_percent: u8,
    /// Calls out of a hundred that do what they should, but whose answer is lost.
    pub lost_percent: u8,
}

/// What becomes of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Answered,
    /// Before it did anything.
    Fails,
    /// After it did what it should.
    AnswerLost,
}

impl Trouble {
    /// From now on this is what goes wrong at the provider whose ledger this is, in every process that simulates it, until
    /// something else is caused. It wins over what the simulator was opened with.
    ///
    /// # Errors
    /// The ledger can't be written.
    pub fn cause(self, ledger: &Path) -> Result<(), LedgerError> {
        Ledger::open(ledger)?.set_trouble(self)
    }

    pub(super) fn fate(self, call: Call, attempt: u32) -> Fate {
        let mut hasher = DefaultHasher::new();
        (call.kind, call.key, attempt).hash(&mut hasher);
        let failing = u64::from(self.failing_percent);
        match hasher.finish() % 100 {
            roll if roll < failing => Fate::Fails,
            roll if roll < failing + u64::from(self.lost_percent) => Fate::AnswerLost,
            _ => Fate::Answered,
        }
    }
}
