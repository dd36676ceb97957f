//! Disk space of databases and topics.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

/// Size of an SQLite database with its write-ahead log, in bytes.
///
/// # Errors
/// The file is missing.
pub(crate) fn database(file: &Path) -> Result<u64> {
    let size = fs::metadata(file).with_context(|| format!("failed to read {}", file.display()))?.len();
    // A clean shutdown leaves no write-ahead log.
    let log = file.with_extension("db-wal");
    Ok(size + fs::metadata(log).map_or(0, |log| log.len()))
}

/// Size of the records of all topics with this prefix in a broker's directory, in bytes.
///
/// # Errors
/// The directory cannot be read.
pub(crate) fn topics(data: &Path, prefix: &str) -> Result<u64> {
    let entries = fs::read_dir(data).with_context(|| format!("failed to read {}", data.display()))?;
    let partitions = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    partitions.map(|entry| segments(&entry.path())).sum()
}

/// Size of the segment files. Index files do not count because the broker creates them at their maximum size.
fn segments(partition: &Path) -> Result<u64> {
    let entries = match fs::read_dir(partition) {
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(0),
        entries => entries.with_context(|| format!("failed to read {}", partition.display()))?,
    };
    let files = entries.flatten().filter(|entry| entry.path().extension().is_some_and(|kind| kind == "log"));
    // A segment that the broker deletes during the count is ignored.
    Ok(files.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum())
}

#[cfg(test)]
mod tests {
    use xtask::Workspace;

    use super::*;

    #[test]
    fn topics_counts_records_with_the_prefix_only() {
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
    fn database_size_includes_the_log() {
        let dir = Workspace::find().unwrap().run_dir("test-bench-disk").unwrap();
        fs::write(dir.join("order.db"), [0; 8]).unwrap();
        fs::write(dir.join("order.db-wal"), [0; 4]).unwrap();
        assert_eq!(database(&dir.join("order.db")).unwrap(), 12);
        assert!(database(&dir.join("payment.db")).is_err());
        fs::remove_dir_all(dir).unwrap();
    }
}
