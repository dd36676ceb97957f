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
    /// Positions of the previous batch's rows, which the next batch deletes as if the broker had them by then.
    published: Vec<i64>,
}

impl<S: Service> Batches<S> {
    /// Starts with an empty cache.
    pub fn on(store: EventStore) -> Self {
        Self { store, cache: StreamCache::default(), published: Vec::new() }
    }

    /// Decides on all commands in one transaction, and returns the number of events in the outbox. The id of a command's
    /// causing event deduplicates it.
    ///
    /// # Errors
    /// The store fails. The cache is empty afterwards.
    pub async fn commit(
        &mut self,
        commands: impl IntoIterator<Item = (Cause, S::Command)>,
    ) -> Result<usize, StoreError> {
        let inputs = commands.into_iter().map(input).collect();
        let (published, cache) = (std::mem::take(&mut self.published), std::mem::take(&mut self.cache));
        let batch = Batch::new(inputs, published, cache, publish_context(), Timestamp::now());
        let (mut batch, committed) = self.store.transact(batch).await;
        let outgoing = batch.outgoing(committed?.outbox);
        self.published = outgoing.iter().map(|outgoing| outgoing.row.position).collect();
        self.cache = batch.reply();
        Ok(self.published.len())
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
    Input::Command(CommandInput { message, command, cause, answers, reply, span, record })
}

fn publish_context() -> PublishContext {
    let retries = RetryPolicy { attempts_max: 1, backoff_max: std::time::Duration::ZERO };
    let (schema_base_url, dead_letter_topic) = ("http://127.0.0.1:8080".to_owned(), Some("bench.dlq".to_owned()));
    PublishContext { schema_base_url, spans: Spans::default(), retries, dead_letter_topic }
}
