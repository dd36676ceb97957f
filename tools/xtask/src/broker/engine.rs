//! Interface of a broker that this program runs.

use std::path::PathBuf;

use anyhow::Result;

use super::state::Handle;

/// A broker that this process runs, by Java or by Docker. Dropped, it is stopped and its data removed.
pub(super) trait Engine: Send {
    /// Starts it, again on the same ports and data if it ran before. Does not wait until it answers.
    fn start(&mut self) -> Result<()>;

    /// Fails if it does not run.
    fn ensure_running(&mut self) -> Result<()>;

    /// Ends it as an orderly shutdown does; its data stays.
    fn stop(&mut self) -> Result<()>;

    /// Ends it as a crash does; its data stays.
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
