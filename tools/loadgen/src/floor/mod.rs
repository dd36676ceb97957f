//! Floors: the parts that no saga can do without, each measured alone.

mod bare_chain;
mod commit;

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::environment::topics::BenchTopics;
use crate::results::latency::Percentiles;

/// Records of a saga that cause each other, from `OrderPlaced` to `OrderConfirmed`.
pub(crate) const SAGA_HOPS: usize = 6;

/// Latencies of single steps on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Floors {
    /// One small transaction in `SQLite`, with `synchronous=FULL`, on the disk of the services.
    pub(crate) commit: Percentiles,
    /// One record from a producer to a consumer.
    pub(crate) hop: Percentiles,
    /// A record through as many topics as a saga has hops, without storage and without work.
    pub(crate) chain: Percentiles,
}

/// Measures all floors, while the services are idle.
///
/// # Errors
/// The broker or the disk refuses.
pub(crate) fn measure(topics: &BenchTopics<'_>, dir: &Path) -> Result<Floors> {
    Ok(Floors {
        commit: commit::measure(dir).context("failed to measure a commit")?,
        hop: bare_chain::measure(topics, "hop", 1).context("failed to measure a hop")?,
        chain: bare_chain::measure(topics, "chain", SAGA_HOPS).context("failed to measure a chain of hops")?,
    })
}
