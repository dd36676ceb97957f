//! Waits between attempts to reach a server.

use std::{iter, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};

/// First wait before the next attempt.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// Maximum wait before the next attempt.
const RECONNECT_BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Endless waits between attempts to reach Kafka or the database at the start.
pub(super) fn reconnect_backoff() -> impl Iterator<Item = Duration> {
    let waits = ExponentialBuilder::default().with_min_delay(BACKOFF_MIN).with_max_delay(RECONNECT_BACKOFF_MAX);
    waits.without_max_times().build().chain(iter::repeat(RECONNECT_BACKOFF_MAX))
}
