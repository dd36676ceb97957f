//! The transactions of a service without Kafka and HTTP, for benchmarks. Requires the feature `benches`.

use decider::{LogError, Service};
use jiff::Timestamp;
use store::{EventStore, Store as _, StoreError, StoredStream};
use telemetry::Spans;

use crate::{
    input::{Cause, CommandInput, Input, Reply, RetryPolicy},
    process::{
        batch::Batch,
        publish_context::PublishContext,
        snapshot::{self, RebuildError},
        stream_cache::StreamCache,
    },
};

/// Consecutive batches of one service, as its processor runs them.
pub struct Batches<S: Service> {
    store: EventStore,
    cache: StreamCache<S>,
    /// Position of the previous batch's last event, to which the next batch moves the cursor as if the broker had it by then.
    cursor: Option<i64>,
}

impl<S: Service> Batches<S> {
    /// Starts with an empty cache.
    pub fn on(store: EventStore) -> Self {
        Self { store, cache: StreamCache::default(), cursor: None }
    }

    /// Decides on all commands in one transaction, and returns the number of public events. The id of a command's
    /// causing event deduplicates it.
    ///
    /// # Errors
    /// The store fails. The cache is empty afterwards.
    pub async fn commit(
        &mut self,
        commands: impl IntoIterator<Item = (Cause, S::Command)>,
    ) -> Result<usize, StoreError> {
        let inputs = commands.into_iter().map(input).collect();
        let cache = std::mem::take(&mut self.cache);
        let batch = Batch::new(inputs, self.cursor.take(), cache, publish_context(), Timestamp::now());
        let (mut batch, committed) = self.store.transact(batch).await;
        let outgoing = batch.outgoing(committed?);
        self.cursor = outgoing.last().map(|outgoing| outgoing.entry.position);
        self.cache = batch.reply();
        Ok(outgoing.len())
    }
}

/// The state of a stored stream.
///
/// # Errors
/// This build cannot read the stream.
pub fn rebuild<S: Service>(stored: &StoredStream) -> Result<S::State, LogError> {
    match snapshot::rebuild::<S>(stored) {
        Ok(state) => Ok(state),
        Err(RebuildError::Log(error)) => Err(error),
        Err(RebuildError::Snapshot) => panic!("this build has written the snapshot"),
    }
}

fn input<S: Service>((cause, command): (Cause, S::Command)) -> Input<S> {
    let message = cause.event_id.map(|id| id.0);
    let (answers, reply, span, record) = (None, Reply::None, None, None);
    let wave = None;
    Input::Command(CommandInput { message, command, cause, answers, reply, span, wave, record })
}

fn publish_context() -> PublishContext {
    let retries = RetryPolicy { attempts_max: 1, backoff_max: std::time::Duration::ZERO };
    PublishContext { spans: Spans::default(), retries, dead_letter_topic: Some("bench.dlq".to_owned()) }
}
