//! Makes the calls to the outside world that the service asked for, many at a time, each until it is answered.
//!
//! A call is made after its intent is stored, so a crash can't forget it; it may then be made twice, which the provider
//! recognizes by its key.

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use decider::Service;
use store::OpenIntent;
use telemetry::{Metrics, Spans, Trace};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    call::{Call, CallError, CallInfo, ProviderClient},
    input::{Cause, CommandInput, Input, Reply},
    planted::{self, Point},
    work_queue::Feed,
};

/// Calls that wait for an answer or for their next attempt; others wait in the store.
const OPEN_MAX: usize = 10_000;
/// Calls that are made at the same time.
const CONCURRENT_MAX: usize = 1000;
/// The first wait before a call is made again.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// The longest wait before a call is made again.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

pub(crate) struct CallDispatcher<S: Service> {
    pub(crate) feed: Feed<OpenIntent>,
    pub(crate) provider: Arc<dyn ProviderClient<S>>,
    pub(crate) answers: mpsc::Sender<Input<S>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) spans: Spans,
}

impl<S: Service> CallDispatcher<S> {
    /// Works until it is told to stop. Calls that are under way then are awaited, for an answer that nobody takes would have
    /// to be asked for again; those that wait for their next attempt are made after the next start.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut calls = JoinSet::new();
        let concurrent = Arc::new(Semaphore::new(CONCURRENT_MAX));
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = calls.join_next() => {}
                next = self.feed.next(), if calls.len() < OPEN_MAX => match next {
                    Ok(Some(intent)) => {
                        calls.spawn(self.caller(&concurrent, &stop).answer(intent));
                    }
                    Ok(None) => break,
                    Err(error) => {
                        error!(%error, "open calls can't be read");
                        stop.run_until_cancelled(sleep(BACKOFF_MAX)).await;
                    }
                },
            }
        }
        while calls.join_next().await.is_some() {}
    }
}

/// What a call needs while it is open.
struct Caller<S: Service> {
    provider: Arc<dyn ProviderClient<S>>,
    concurrent: Arc<Semaphore>,
    answers: mpsc::Sender<Input<S>>,
    metrics: Arc<Metrics>,
    spans: Spans,
    stop: CancellationToken,
}

impl<S: Service> CallDispatcher<S> {
    fn caller(&self, concurrent: &Arc<Semaphore>, stop: &CancellationToken) -> Caller<S> {
        Caller {
            provider: Arc::clone(&self.provider),
            concurrent: Arc::clone(concurrent),
            answers: self.answers.clone(),
            metrics: Arc::clone(&self.metrics),
            spans: self.spans.clone(),
            stop: stop.clone(),
        }
    }
}

impl<S: Service> Caller<S> {
    /// Makes one call until it is answered, and hands the answer in. At the end of the service it stays open.
    async fn answer(self, open: OpenIntent) {
        let event_id = open.intent.event_id;
        let call: Call<S::Intent> = match serde_json::from_str(&open.intent.body) {
            Ok(call) => call,
            Err(error) => return error!(%error, %event_id, "an open call can't be read; it stays open"),
        };
        let mut backoff = backoff();
        loop {
            let Some((command, trace)) = self.until_answered(&call).await else { return };
            let (reply, handled) = oneshot::channel();
            let input = CommandInput {
                message: Some(event_id.0),
                command,
                cause: Cause { trace, ..call.cause.clone() },
                answers: Some(event_id),
                reply: Reply::Handled(reply),
                span: None,
                arrival: None,
            };
            // If nobody takes it any more, the call is made again after the next start.
            let _ = self.answers.send(Input::Command(input)).await;
            let Ok(Err(failure)) = handled.await else { return };
            error!(%failure, %event_id, "an answer can't be handled; the call stays open and is made again");
            self.stop.run_until_cancelled(sleep(backoff.next().unwrap_or(BACKOFF_MAX))).await;
        }
    }

    /// There is no last attempt: what a provider did about an order's money or parcel must become known. An order that
    /// takes too long is cancelled at its deadline, and the call that calls it off is made until it is answered, too.
    /// `None`: the service ends.
    async fn until_answered(&self, call: &Call<S::Intent>) -> Option<(S::Command, Trace)> {
        let mut backoff = backoff();
        loop {
            let turn = self.stop.run_until_cancelled(self.concurrent.acquire()).await?;
            let permit = turn.expect("the semaphore is never closed");
            let error = match self.attempt(call).await {
                Ok(answer) => return Some(answer),
                Err(error) => error,
            };
            drop(permit);
            let wait = backoff.next().unwrap_or(BACKOFF_MAX);
            self.tell(call, &error, wait);
            self.stop.run_until_cancelled(sleep(wait)).await?;
        }
    }

    async fn attempt(&self, call: &Call<S::Intent>) -> Result<(S::Command, Trace), CallError> {
        let CallInfo { peer, operation, order_id } = self.provider.describe(&call.intent);
        let mut span = self.spans.call(peer, operation, &order_id, &call.cause.trace);
        planted::point(Point::BeforeCall, || vec![operation.to_owned()]);
        let answer = self.provider.call(&call.intent).await;
        planted::point(Point::AfterCall, || vec![operation.to_owned()]);
        if let Err(error) = &answer {
            span.fail(error);
        }
        answer.map(|command| (command, span.trace().clone()))
    }

    fn tell(&self, call: &Call<S::Intent>, error: &CallError, wait: Duration) {
        self.metrics.retries.add(1, &[]);
        let CallInfo { peer, operation, order_id } = self.provider.describe(&call.intent);
        let (trace_id, correlation_id) = (call.cause.trace.trace_id(), call.cause.correlation_id.unwrap_or_default());
        let wait_ms = wait.as_millis();
        warn!(
            %error, peer, operation, %order_id, %correlation_id, trace_id, wait_ms,
            "no answer; the call is made again"
        );
    }
}

fn backoff() -> ExponentialBackoff {
    let backoff = ExponentialBuilder::default().with_min_delay(BACKOFF_MIN).with_max_delay(BACKOFF_MAX);
    backoff.with_jitter().without_max_times().build()
}
