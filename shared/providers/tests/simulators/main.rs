//! Behavior of the simulated providers and their ledgers.
//!
//! Most tests pause time: waiting costs nothing, and longer waits end later.

mod carrier;
mod faults;
mod gateway;
mod processes;

use std::{fmt::Debug, path::PathBuf};

use contracts::OrderId;
use providers::ProviderError;
use tempfile::TempDir;

/// A temporary directory with one ledger.
struct TempLedger {
    directory: TempDir,
}

impl TempLedger {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory") }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("ledger.db")
    }
}

fn order(number: u128) -> OrderId {
    format!("{number:032x}").parse().expect("an order id")
}

#[track_caller]
fn assert_unavailable<A: Debug>(answer: &Result<A, ProviderError>) {
    assert!(matches!(answer, Err(ProviderError::Unavailable(_))), "{answer:?}");
}

#[track_caller]
fn assert_refused<A: Debug>(answer: &Result<A, ProviderError>) {
    assert!(matches!(answer, Err(ProviderError::Refused(_))), "{answer:?}");
}
