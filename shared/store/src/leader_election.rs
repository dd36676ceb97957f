//! Election of the one instance that does work which only one instance may do.

use std::sync::Arc;

use tokio::sync::watch;

/// The leadership of this instance. Only the leader publishes, makes open calls, runs timers and retries parked
/// records. All instances process their inputs and commit the results.
///
/// The instance leaves the election when all clones are dropped.
#[derive(Clone)]
pub struct Leadership {
    state: watch::Receiver<LeadershipState>,
    /// Keeps the election running while any clone exists.
    _election: Arc<dyn Send + Sync>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LeadershipState {
    /// Number of times that this instance has become leader; `None` while it does not lead.
    pub(crate) term: Option<u64>,
    /// Number of notifications about commits of other instances.
    pub(crate) notifications: u64,
}

impl Leadership {
    /// Creates the leadership of an instance that has no peers.
    pub(crate) fn alone() -> Self {
        let (sender, state) = watch::channel(LeadershipState { term: Some(1), notifications: 0 });
        Self { state, _election: Arc::new(sender) }
    }

    pub(crate) fn new(state: watch::Receiver<LeadershipState>, election: impl Send + Sync + 'static) -> Self {
        Self { state, _election: Arc::new(election) }
    }

    /// Returns the number of the current term, or `None` if another instance leads. Knowledge about rows that wait in the
    /// store is valid within one term only.
    pub fn term(&self) -> Option<u64> {
        self.state.borrow().term
    }

    /// Waits until this instance becomes leader or loses the leadership, or another instance reports a commit. Changes
    /// since the last call are returned at once.
    pub async fn changed(&mut self) {
        if self.state.changed().await.is_err() {
            // The election has ended, so nothing will change.
            std::future::pending::<()>().await;
        }
    }
}
