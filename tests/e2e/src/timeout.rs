//! Deadline of waits.

use std::time::Duration;

/// Longest wait for any condition on a loaded machine.
pub const TEST_TIMEOUT: Duration = Duration::from_mins(1);
