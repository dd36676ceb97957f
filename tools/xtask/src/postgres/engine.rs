//! Interface and settings of a PostgreSQL server that this program runs.

use std::process::Command;

use anyhow::Result;

/// Its only user, who may do everything and needs no password: it listens on loopback only.
pub(super) const USER: &str = "postgres";

/// Durability of commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Commits survive a power failure. For measurements.
    Full,
    /// Commits survive the end of clients, not of the server. Sufficient for tests.
    UntilItStops,
}

/// A server that this process runs.
pub(super) trait Engine: Send + Sync {
    /// Starts it, again on the same port and data if it ran before; does not wait until it answers.
    fn start(&mut self) -> Result<()>;
    /// Ends it as a crash does; its data stays.
    fn crash(&mut self) -> Result<()>;
    /// Fails if it has ended.
    fn ensure_running(&mut self) -> Result<()>;
    /// A command that asks it whether it takes connections.
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
        // Checkpoints when it is time, not when little room is left.
        Durability::Full => ["max_wal_size=4GB", "checkpoint_timeout=5min"],
        Durability::UntilItStops => ["fsync=off", "full_page_writes=off"],
    });
    settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_measurements_pay_for_the_disk() {
        assert!(settings(Durability::UntilItStops).contains(&"fsync=off".to_owned()));
        assert!(!settings(Durability::Full).contains(&"fsync=off".to_owned()));
    }
}
