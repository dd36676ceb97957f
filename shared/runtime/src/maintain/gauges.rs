//! Measures queues periodically: consumer lag, outbox, unsent and parked records, open calls and due timers.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use store::{Store, StoreError};
use telemetry::{KeyValue, Metrics};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{consume::ConsumerSlot, http::Notice, publish::Backlog};

/// Time between measurements.
const INTERVAL: Duration = Duration::from_secs(2);

/// Measures until shutdown.
pub(crate) async fn run(
    store: impl Store,
    consumer: ConsumerSlot,
    metrics: Arc<Metrics>,
    backlog: Arc<Backlog>,
    notice: Notice,
    stop: CancellationToken,
) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        for (topic, lag) in consumer.get().map(|consumer| consumer.lag()).unwrap_or_default() {
            metrics.consumer_lag.record(lag, &[KeyValue::new("topic", topic)]);
        }
        if let Err(error) = queues(&store, &metrics, &backlog, &notice).await {
            error!(%error, "failed to measure queues, retrying");
        }
    }
}

async fn queues(store: &impl Store, metrics: &Metrics, backlog: &Backlog, notice: &Notice) -> Result<(), StoreError> {
    let (unpublished, unsent) = (store.unpublished().await?, store.unsent_summary().await?);
    backlog.set(unpublished.count + unsent.count);
    metrics.records_unsent.record(unsent.count, &[]);
    notice.set(unsent);
    metrics.outbox_backlog.record(unpublished.count, &[]);
    metrics.parked_backlog.record(store.parked_len().await?, &[]);
    metrics.calls_open.record(store.intents_len().await?, &[]);
    metrics.timers_due.record(store.due_len(Timestamp::now()).await?, &[]);
    let age = unpublished.oldest.map(|oldest| Timestamp::now().duration_since(oldest).as_secs_f64());
    metrics.outbox_oldest_seconds.record(age.unwrap_or_default().max(0.0), &[]);
    Ok(())
}
