//! Behavior of the simulated providers and their ledgers.
//!
//! Tests do not pause time: tokio's `test-util` would compile everything that depends on tokio a second time.

mod carrier;
mod faults;
mod gateway;
mod processes;

use std::{fmt::Debug, path::PathBuf, time::Duration};

use contracts::OrderId;
use providers::ProviderError;
use tempfile::TempDir;

/// Delay of slow answers, shorter than the default.
const SLOW: Duration = Duration::from_secs(1);

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

/// Waits until the condition holds.
async fn wait_until(condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), met).await.expect("the condition is met in time");
}
