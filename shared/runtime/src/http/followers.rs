//! A stream's events as they happen.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use decider::{Service, StreamId};
use futures::{Stream, stream::try_unfold};
use store::{AsOf, EventStore, Store as _, StoredEvent};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    http::app::{AppError, TimelineRow, row},
    process::rebuild,
};

/// Followers at the same time; each of them looks into the store after a commit.
const FOLLOWERS_MAX: usize = 1_000;
/// Events that are read at a time.
const PAGE: usize = 100;
/// How long a follower waits for a commit of this process before it looks whether another instance has committed something.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Who may follow, and how they are woken.
#[derive(Clone)]
pub(crate) struct Followers {
    committed: watch::Receiver<()>,
    places: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Followers {
    /// Woken by what is sent after each commit; all end when it is time to stop.
    pub(crate) fn new(committed: watch::Receiver<()>, stop: CancellationToken) -> Self {
        Self { committed, places: Arc::new(Semaphore::new(FOLLOWERS_MAX)), stop }
    }
}

/// Something that happened in a stream.
pub struct Followed<S: Service> {
    /// Its place in the stream.
    pub version: u64,
    /// What happened.
    pub row: TimelineRow<S>,
    /// The state that it led to.
    pub state: S::State,
}

struct Follower<S: Service> {
    store: EventStore,
    stream: StreamId,
    version: u64,
    state: S::State,
    read: VecDeque<StoredEvent>,
    followers: Followers,
    _place: OwnedSemaphorePermit,
}

/// What happened in the stream after a version, and what happens from now on.
pub(crate) async fn follow<S: Service>(
    store: EventStore,
    stream: StreamId,
    after: u64,
    followers: Followers,
) -> Result<impl Stream<Item = Result<Followed<S>, AppError>> + Send + use<S>, AppError> {
    let place = Arc::clone(&followers.places).try_acquire_owned().map_err(|_| AppError::Busy)?;
    let stored = store.load(stream.clone(), AsOf::Version(after)).await?;
    let version = stored.version;
    let state = rebuild::<S>(stored)?;
    let follower = Follower { store, stream, version, state, read: VecDeque::new(), followers, _place: place };
    Ok(try_unfold(follower, async |mut follower: Follower<S>| {
        let next = follower.next().await?;
        Ok(next.map(|next| (next, follower)))
    }))
}

impl<S: Service> Follower<S> {
    async fn next(&mut self) -> Result<Option<Followed<S>>, AppError> {
        loop {
            if let Some(stored) = self.read.pop_front() {
                let version = stored.version;
                let row = row::<S>(stored)?;
                self.version = version;
                self.state = S::evolve(std::mem::take(&mut self.state), &row.event);
                return Ok(Some(Followed { version, row, state: self.state.clone() }));
            }
            // Before the look: what is committed after it wakes.
            self.followers.committed.borrow_and_update();
            self.read = self.store.history(self.stream.clone(), self.version, PAGE).await?.into();
            let committed = timeout(LOOK_AGAIN, self.followers.committed.changed());
            if self.read.is_empty() && self.followers.stop.run_until_cancelled(committed).await.is_none() {
                return Ok(None);
            }
        }
    }
}
