//! Submits the commands of timers that are due.

use std::time::Duration;

use decider::Service;
use jiff::Timestamp;
use store::{Leadership, Store};
use tokio::{sync::mpsc, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::input::{Cause, CommandInput, Input, Reply};

/// Time between checks. Timers are deadlines, so no event of a saga in progress waits for it.
const INTERVAL: Duration = Duration::from_millis(500);
/// Maximum timers per check.
const BATCH_MAX: usize = 500;

/// Submits due timers until shutdown, while this instance leads. A timer may fire twice; deciding on it again has no
/// effect.
pub(crate) async fn run<S: Service>(
    store: impl Store,
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
        let now = Timestamp::now();
        let due = match store.due(now, BATCH_MAX).await {
            Ok(due) => due,
            Err(error) => {
                error!(%error, "failed to read due timers, retrying");
                continue;
            }
        };
        for command in due.iter().filter_map(|stream| S::on_timer(stream, now)) {
            let input = CommandInput {
                message: None,
                command,
                cause: Cause::default(),
                answers: None,
                reply: Reply::None,
                span: None,
                wave: None,
                record: None,
            };
            if inputs.send(Input::Command(input)).await.is_err() {
                return;
            }
        }
    }
}
