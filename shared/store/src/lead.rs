//! Which instance of a service does what only one may do at a time.

use std::sync::Arc;

use tokio::sync::watch;

/// Whether this instance leads: it alone publishes the outbox, makes the open calls, wakes streams and tries parked
/// records again. The others handle what comes to them, and commit what follows.
///
/// When all clones are dropped, the instance leads no more.
#[derive(Clone)]
pub struct Leadership {
    state: watch::Receiver<State>,
    /// What keeps the state true for as long as somebody looks at it.
    _campaign: Arc<dyn Send + Sync>,
}

/// What there is to know about a leadership.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// How often this instance came to lead, while it leads.
    pub(crate) term: Option<u64>,
    /// How often others said that they committed something.
    pub(crate) news: u64,
}

impl Leadership {
    /// Of an instance that is alone.
    pub(crate) fn alone() -> Self {
        let (sender, state) = watch::channel(State { term: Some(1), news: 0 });
        Self { state, _campaign: Arc::new(sender) }
    }

    pub(crate) fn new(state: watch::Receiver<State>, campaign: impl Send + Sync + 'static) -> Self {
        Self { state, _campaign: Arc::new(campaign) }
    }

    /// How often this instance came to lead, while it leads; `None`: another does. What was known in one term of what
    /// waits in the store is not to be relied on in the next.
    pub fn term(&self) -> Option<u64> {
        self.state.borrow().term
    }

    /// Waits until this instance has come to lead or leads no more, or another has committed something that the leader
    /// is to look for. What came before the last look is told at once.
    pub async fn changed(&mut self) {
        if self.state.changed().await.is_err() {
            // Whoever knew is gone, and nothing will change.
            std::future::pending::<()>().await;
        }
    }
}
