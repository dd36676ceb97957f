//! A service's transactions without Kafka and HTTP around them, to be measured by themselves. With the feature `benches` only.

use decider::{LogError, Service};
use jiff::Timestamp;
use store::{EventStore, Store as _, StoreError, StoredStream};
use telemetry::Spans;

use crate::{
    input::{Cause, CommandInput, Input, Reply, RetryPolicy},
    process::{self, Batch, Cache, PublishContext},
};

/// Batches of one service, one after the other, as its processor runs them.
pub struct Batches<S: Service> {
    store: EventStore,
    cache: Cache<S>,
    /// Rows of the batch before; the next one takes them along, as if the broker had them by then.
    published: Vec<i64>,
}

impl<S: Service> Batches<S> {
    /// On this store, of whose streams nothing is known yet.
    pub fn on(store: EventStore) -> Self {
        Self { store, cache: Cache::default(), published: Vec::new() }
    }

    /// Decides on all commands in one transaction, and returns how many events it put into the outbox. A command that an event
    /// led to is recognized by it when it comes again.
    ///
    /// # Errors
    /// The store failed. Then nothing is known of its streams any more.
    pub async fn commit(
        &mut self,
        commands: impl IntoIterator<Item = (Cause, S::Command)>,
    ) -> Result<usize, StoreError> {
        let inputs = commands.into_iter().map(input).collect();
        let (published, cache) = (std::mem::take(&mut self.published), std::mem::take(&mut self.cache));
        let batch = Batch::new(inputs, published, cache, outlet(), Timestamp::now());
        let (mut batch, committed) = self.store.transact(batch).await;
        let outgoing = batch.outgoing(committed?.outbox);
        self.published = outgoing.iter().map(|outgoing| outgoing.row.position).collect();
        self.cache = batch.reply();
        Ok(self.published.len())
    }
}

/// The state of a stream as it was stored.
///
/// # Errors
/// This build can't read it.
pub fn rebuild<S: Service>(stored: StoredStream) -> Result<S::State, LogError> {
    process::rebuild::<S>(stored)
}

fn input<S: Service>((cause, command): (Cause, S::Command)) -> Input<S> {
    let message = cause.event_id.map(|id| id.0);
    let (answers, reply, span, arrival) = (None, Reply::Nobody, None, None);
    Input::Command(CommandInput { message, command, cause, answers, reply, span, arrival })
}

fn outlet() -> PublishContext {
    let retries = RetryPolicy { attempts_max: 1, backoff_max: std::time::Duration::ZERO };
    let (schema_base_url, dead_letter_topic) = ("http://127.0.0.1:8080".to_owned(), "bench.dlq".to_owned());
    PublishContext { schema_base_url, spans: Spans::default(), retries, dead_letter_topic }
}
