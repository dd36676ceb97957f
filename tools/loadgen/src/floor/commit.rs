//! Latency of a commit in `SQLite`.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use rusqlite::Connection;

use crate::results::latency::{Latencies, Percentiles};

const COMMITS: usize = 500;

/// Approximate size of an event.
const ROW_BYTES: usize = 1_000;

/// Commits single rows one after the other, into a new file in this directory.
///
/// # Errors
/// The disk refuses.
pub(super) fn measure(dir: &Path) -> Result<Percentiles> {
    let dir = tempfile::tempdir_in(dir)?;
    let connection = Connection::open(dir.path().join("floor.db"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch("CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")?;
    let mut insert = connection.prepare("INSERT INTO rows (body) VALUES (?1)")?;
    let mut latencies = Latencies::default();
    for _ in 0..COMMITS {
        let started = Instant::now();
        insert.execute([[b'x'; ROW_BYTES].as_slice()])?;
        latencies.record(started.elapsed());
    }
    Ok(latencies.percentiles())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_measured() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(measure(dir.path()).unwrap().count, COMMITS as u64);
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    }
}
