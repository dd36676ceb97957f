//! Live events of a stream.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use decider::{Service, StreamId};
use futures::{Stream, stream::try_unfold};
use store::{AsOf, StoredEvent};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::http::{
    error::AppError,
    stream_reader::{StreamReader, load_state},
    timeline::TimelineRow,
};

/// Maximum concurrent followers. Each reads the store after every commit.
const FOLLOWERS_MAX: usize = 1_000;
/// Events per read.
const PAGE: usize = 100;
/// Maximum wait for a commit of this process, before a follower checks for commits of other instances.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The limit of concurrent followers, and their notification.
#[derive(Clone)]
pub(crate) struct Followers {
    commits: watch::Receiver<()>,
    permits: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Followers {
    /// `commits` changes after each commit; `stop` ends all followers.
    pub(crate) fn new(commits: watch::Receiver<()>, stop: CancellationToken) -> Self {
        Self { commits, permits: Arc::new(Semaphore::new(FOLLOWERS_MAX)), stop }
    }
}

/// An event of a followed stream.
pub struct Followed<S: Service> {
    pub version: u64,
    pub row: TimelineRow<S>,
    /// State after the event.
    pub state: S::State,
}

struct Follower<S: Service> {
    store: Arc<dyn StreamReader>,
    stream: StreamId,
    version: u64,
    state: S::State,
    read: VecDeque<StoredEvent>,
    followers: Followers,
    _permit: OwnedSemaphorePermit,
}

/// The events of a stream after a version, and then its new events.
pub(crate) async fn follow<S: Service>(
    store: Arc<dyn StreamReader>,
    stream: StreamId,
    after: u64,
    followers: Followers,
) -> Result<impl Stream<Item = Result<Followed<S>, AppError>> + Send + use<S>, AppError> {
    let permit = Arc::clone(&followers.permits).try_acquire_owned().map_err(|_| AppError::Busy)?;
    let (state, version) = load_state::<S>(&*store, &stream, AsOf::Version(after)).await?;
    let follower = Follower { store, stream, version, state, read: VecDeque::new(), followers, _permit: permit };
    Ok(try_unfold(follower, async |mut follower: Follower<S>| {
        let next = follower.next().await?;
        Ok(next.map(|next| (next, follower)))
    }))
}

impl<S: Service> Follower<S> {
    /// Waits for the next event. Returns `None` at shutdown.
    async fn next(&mut self) -> Result<Option<Followed<S>>, AppError> {
        loop {
            if let Some(stored) = self.read.pop_front() {
                let version = stored.version;
                let row = TimelineRow::<S>::try_from(stored)?;
                self.version = version;
                self.state = S::evolve(std::mem::take(&mut self.state), &row.event);
                return Ok(Some(Followed { version, row, state: self.state.clone() }));
            }
            // Marked as seen before the read, so that a commit after the read wakes this follower.
            self.followers.commits.borrow_and_update();
            self.read = self.store.history(self.stream.clone(), self.version, PAGE).await?.into();
            let committed = timeout(POLL_INTERVAL, self.followers.commits.changed());
            if self.read.is_empty() && self.followers.stop.run_until_cancelled(committed).await.is_none() {
                return Ok(None);
            }
        }
    }
}
