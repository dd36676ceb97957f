//! The simulated providers do what they say, once per key, and their ledgers tell.
//!
//! Time is paused in most tests: waiting costs nothing, and what waits longer comes later.

mod carrier;
mod gateway;
mod processes;
mod trouble;

use std::{fmt::Debug, path::PathBuf};

use contracts::OrderId;
use providers::ProviderError;
use tempfile::TempDir;

/// A directory for one ledger.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory") }
    }

    fn ledger(&self) -> PathBuf {
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
