//! How much room databases and topics take.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

/// The size of a SQLite database with its log, in bytes.
///
/// # Errors
/// It is not there.
pub(crate) fn database(file: &Path) -> Result<u64> {
    let size = fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?.len();
    // An orderly end leaves no log.
    let log = file.with_extension("db-wal");
    Ok(size + fs::metadata(log).map_or(0, |log| log.len()))
}

/// The size of the records of all topics with this prefix in a broker's directory, in bytes.
///
/// # Errors
/// The directory can't be read.
pub(crate) fn topics(data: &Path, prefix: &str) -> Result<u64> {
    let entries = fs::read_dir(data).with_context(|| format!("cannot read {}", data.display()))?;
    let partitions = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    partitions.map(|entry| segments(&entry.path())).sum()
}

/// Only the records: indexes have their largest size from the beginning.
fn segments(partition: &Path) -> Result<u64> {
    let entries = match fs::read_dir(partition) {
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(0),
        entries => entries.with_context(|| format!("cannot read {}", partition.display()))?,
    };
    let files = entries.flatten().filter(|entry| entry.path().extension().is_some_and(|kind| kind == "log"));
    // A segment that is deleted meanwhile has no size any more.
    Ok(files.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum())
}

#[cfg(test)]
mod tests {
    use xtask::Workspace;

    use super::*;

    #[test]
    fn records_of_these_topics_count_and_nothing_else() {
        let dir = Workspace::find().unwrap().run_dir("test-bench-disk").unwrap();
        for (file, size) in [("b1.a-0/0.log", 10), ("b1.a-0/0.index", 100), ("b1.b-1/0.log", 5), ("c-0/0.log", 1000)] {
            let file = dir.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, vec![0; size]).unwrap();
        }
        fs::write(dir.join("b1.checkpoint"), "a file").unwrap();
        assert_eq!(topics(&dir, "b1.").unwrap(), 15);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_database_has_its_log() {
        let dir = Workspace::find().unwrap().run_dir("test-bench-disk").unwrap();
        fs::write(dir.join("order.db"), [0; 8]).unwrap();
        fs::write(dir.join("order.db-wal"), [0; 4]).unwrap();
        assert_eq!(database(&dir.join("order.db")).unwrap(), 12);
        assert!(database(&dir.join("payment.db")).is_err());
        fs::remove_dir_all(dir).unwrap();
    }
}
