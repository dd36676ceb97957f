//! Wakes streams whose time has come.

use std::time::Duration;

use decider::Service;
use jiff::Timestamp;
use store::{EventStore, Leadership, Store as _};
use tokio::{sync::mpsc, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::input::{Cause, CommandInput, Input, Reply};

/// How often to look. No order waits for it, but one whose deadline has passed.
const INTERVAL: Duration = Duration::from_millis(500);
/// Streams woken at a time; the others are next.
const WOKEN_MAX: usize = 500;

/// Looks, while this instance leads, until it is told to stop. A stream that is woken twice decides on it once.
pub(crate) async fn run<S: Service>(
    store: EventStore,
    leadership: Leadership,
    inputs: mpsc::Sender<Input<S>>,
    stop: CancellationToken,
) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if leadership.term().is_none() {
            continue;
        }
        let due = match store.due(Timestamp::now(), WOKEN_MAX).await {
            Ok(due) => due,
            Err(error) => {
                error!(%error, "the streams to wake can't be read");
                continue;
            }
        };
        for command in due.iter().filter_map(S::on_timer) {
            let input = CommandInput {
                message: None,
                command,
                cause: Cause::default(),
                answers: None,
                reply: Reply::Nobody,
                span: None,
                arrival: None,
            };
            if inputs.send(Input::Command(input)).await.is_err() {
                return;
            }
        }
    }
}
