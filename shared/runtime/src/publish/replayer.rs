//! Publishes streams again, in waves.

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use decider::StreamId;
use store::{Leadership, OpenReplay, Replay, Store, StoreError, StoredEvent};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

/// Maximum time until a replay begins that another instance stored.
const INTERVAL: Duration = Duration::from_secs(1);
/// Maximum streams published together.
const STREAMS_MAX: usize = 100;
/// Events of a stream per read.
const PAGE: usize = 1_000;
/// Maximum wait before a failed replay is repeated.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// A public event to publish again.
pub(crate) struct ReplayedEvent {
    pub(crate) stream: StreamId,
    pub(crate) event: StoredEvent,
    pub(crate) wave: Uuid,
    /// Completed once the broker has the record; dropped if the delivery failed.
    pub(crate) acknowledged: oneshot::Sender<()>,
}

/// Executes open replays through the relay, while this instance leads. A replay that is interrupted starts again.
pub(crate) struct Replayer<D> {
    pub(crate) store: D,
    pub(crate) leadership: Leadership,
    /// Notified of new replays.
    pub(crate) replays: Arc<Notify>,
    pub(crate) relay: mpsc::Sender<ReplayedEvent>,
}

impl<D: Store> Replayer<D> {
    /// Executes replays until shutdown.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let work = async {
            let backoff = ExponentialBuilder::default().with_max_delay(BACKOFF_MAX).with_jitter().without_max_times();
            let mut waits = backoff.build();
            loop {
                match self.replay_page().await {
                    Ok(true) => waits = backoff.build(),
                    Ok(false) => tokio::select! {
                        () = self.replays.notified() => {}
                        () = sleep(INTERVAL) => {}
                    },
                    Err(error) => {
                        warn!(%error, "failed to publish streams again, retrying");
                        sleep(waits.next().unwrap_or(BACKOFF_MAX)).await;
                    }
                }
            }
        };
        stop.run_until_cancelled(work).await;
    }

    /// Executes the oldest replays. Returns whether there were any.
    async fn replay_page(&self) -> Result<bool, ReplayError> {
        if self.leadership.term().is_none() {
            return Ok(false);
        }
        let open = self.store.replays(STREAMS_MAX).await?;
        if open.is_empty() {
            return Ok(false);
        }
        let mut acknowledgements = Vec::new();
        for OpenReplay { replay, .. } in &open {
            self.publish(replay, &mut acknowledgements).await?;
        }
        let events = acknowledgements.len();
        for acknowledged in acknowledgements {
            acknowledged.await.map_err(|_| ReplayError::NotDelivered)?;
        }
        info!(streams = open.len(), events, "published streams again");
        self.store.delete_replays(open.iter().map(|open| open.position).collect()).await?;
        Ok(true)
    }

    /// Passes the public events of a stream to the relay.
    async fn publish(
        &self,
        replay: &Replay,
        acknowledgements: &mut Vec<oneshot::Receiver<()>>,
    ) -> Result<(), ReplayError> {
        let Replay { stream, wave } = replay;
        let mut version = 0;
        loop {
            let events = self.store.history(stream.clone(), version, PAGE).await?;
            let Some(last) = events.last() else { return Ok(()) };
            version = last.version;
            for event in events.into_iter().filter(|event| event.publication.is_some()) {
                let (sender, acknowledged) = oneshot::channel();
                let (stream, wave) = (stream.clone(), *wave);
                let replayed = ReplayedEvent { stream, event, wave, acknowledged: sender };
                self.relay.send(replayed).await.map_err(|_| ReplayError::Stopped)?;
                acknowledgements.push(acknowledged);
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the delivery of an event failed")]
    NotDelivered,
    #[error("the relay has stopped")]
    Stopped,
}
