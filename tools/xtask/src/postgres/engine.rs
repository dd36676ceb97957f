//! Interface and settings of a PostgreSQL server that this program runs.

use std::process::Command;

use anyhow::Result;

/// The only user: a superuser without a password, since the server listens on loopback only.
pub(super) const USER: &str = "postgres";

/// Durability of commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Commits survive a power failure. For measurements.
    Full,
    /// Commits survive a crash of clients, but not of the machine. Sufficient for tests.
    UntilItStops,
}

/// A server that this process runs.
pub(super) trait Engine: Send + Sync {
    /// Starts the server, after a crash with the same port and data. Does not wait until it is ready.
    fn start(&mut self) -> Result<()>;
    /// Crashes the server and keeps its data.
    fn crash(&mut self) -> Result<()>;
    /// Fails if the server has exited.
    fn ensure_running(&mut self) -> Result<()>;
    /// A command that succeeds if the server accepts connections.
    fn is_ready(&self) -> Command;
    /// The id of its first process, as seen from this machine.
    fn pid(&self) -> Option<u32>;
    /// The last lines of its log.
    fn recent_output(&self) -> String;
}

/// Settings of a server.
pub(super) fn settings(durability: Durability) -> Vec<String> {
    let mut settings = vec!["max_connections=300", "shared_buffers=256MB"];
    settings.extend(match durability {
        // Enough space for the log that checkpoints are triggered by time only.
        Durability::Full => ["max_wal_size=4GB", "checkpoint_timeout=5min"],
        Durability::UntilItStops => ["fsync=off", "full_page_writes=off"],
    });
    settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_durability_waits_for_the_disk() {
        assert!(settings(Durability::UntilItStops).contains(&"fsync=off".to_owned()));
        assert!(!settings(Durability::Full).contains(&"fsync=off".to_owned()));
    }
}
