//! Has parked records tried again when their time has come.

use std::time::Duration;

use decider::Service;
use jiff::Timestamp;
use store::{EventStore, Leadership, Store as _};
use tokio::{sync::mpsc, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{consume::Ingest, input::Input};

/// How often to look while nothing is due. Only what has failed before waits for it.
const INTERVAL: Duration = Duration::from_millis(200);
/// Records tried at a time; the others are next.
const TRIED_MAX: usize = 200;

/// Works, while this instance leads, until it is told to stop. A record is tried by one attempt at a time, and the next of its order after it.
pub(crate) async fn run<S: Service>(
    store: EventStore,
    leadership: Leadership,
    intake: Ingest,
    inputs: mpsc::Sender<Input<S>>,
    stop: CancellationToken,
) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        while leadership.term().is_some() {
            match stop.run_until_cancelled(try_due(&store, &intake, &inputs)).await {
                Some(0) => break,
                Some(_) => {}
                None => return,
            }
        }
    }
}

/// Tries what is due and waits for the end of these attempts; tells how many there were.
async fn try_due<S: Service>(store: &EventStore, intake: &Ingest, inputs: &mpsc::Sender<Input<S>>) -> usize {
    let due = match store.parked(Timestamp::now(), TRIED_MAX).await {
        Ok(due) => due,
        Err(error) => {
            error!(%error, "the parked records can't be read");
            return 0;
        }
    };
    let mut attempts = Vec::with_capacity(due.len());
    for parked in due {
        let (input, over) = intake.retry::<S>(parked);
        if inputs.send(input).await.is_err() {
            return 0;
        }
        attempts.push(over);
    }
    let count = attempts.len();
    for over in attempts {
        // Nothing is ever sent: it ends when the input is dropped, after its transaction.
        let _ = over.await;
    }
    count
}
