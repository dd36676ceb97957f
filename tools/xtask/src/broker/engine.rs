//! Interface of a broker that this program runs.

use std::path::PathBuf;

use anyhow::Result;

use super::state::Handle;

/// A broker that this process runs, in Java or in Docker. Dropping it stops the broker and deletes its data.
pub(super) trait Engine: Send {
    /// Starts the broker, after a crash with the same ports and data. Does not wait until it is ready.
    fn start(&mut self) -> Result<()>;

    /// Fails if the broker does not run.
    fn ensure_running(&mut self) -> Result<()>;

    /// Stops the broker gracefully and keeps its data.
    fn stop(&mut self) -> Result<()>;

    /// Kills the broker and keeps its data.
    fn kill(&mut self) -> Result<()>;

    /// The id of its process, as seen from this machine.
    fn pid(&self) -> Option<u32>;

    /// The broker's data directory, if it is on this machine.
    fn data_dir(&self) -> Option<PathBuf>;

    /// The last lines of its log.
    fn recent_output(&self) -> String;

    /// Lets the broker outlive this process, and returns its process or container.
    fn detach(&mut self) -> Handle;
}
