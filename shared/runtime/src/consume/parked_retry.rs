//! Retries parked records when they are due.

use std::time::Duration;

use decider::Service;
use jiff::Timestamp;
use store::{Leadership, Store};
use tokio::{sync::mpsc, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{consume::ingest::Ingest, input::Input};

/// Time between checks while nothing is due. Only records that failed before wait for it.
const INTERVAL: Duration = Duration::from_millis(200);
/// Maximum records retried together.
const BATCH_MAX: usize = 200;

/// Retries parked records until shutdown, while this instance leads. A record has one attempt at a time, and the next
/// record of its ordering key follows afterwards.
pub(crate) async fn run<S: Service>(
    store: impl Store,
    leadership: Leadership,
    ingest: Ingest,
    inputs: mpsc::Sender<Input<S>>,
    stop: CancellationToken,
) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        while leadership.term().is_some() {
            match stop.run_until_cancelled(retry_due(&store, &ingest, &inputs)).await {
                Some(0) => break,
                Some(_) => {}
                None => return,
            }
        }
    }
}

/// Retries due records and waits for the end of these attempts. Returns their number.
async fn retry_due<S: Service>(store: &impl Store, ingest: &Ingest, inputs: &mpsc::Sender<Input<S>>) -> usize {
    let due = match store.parked(Timestamp::now(), BATCH_MAX).await {
        Ok(due) => due,
        Err(error) => {
            error!(%error, "failed to read parked records, retrying");
            return 0;
        }
    };
    let mut attempts = Vec::with_capacity(due.len());
    for parked in due {
        let (input, ended) = ingest.retry::<S>(parked);
        if inputs.send(input).await.is_err() {
            return 0;
        }
        attempts.push(ended);
    }
    let count = attempts.len();
    for ended in attempts {
        // No value arrives: the channel closes when the input is dropped, after its transaction.
        let _ = ended.await;
    }
    count
}
