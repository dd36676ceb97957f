//! Makes the calls that the service intends, many concurrently, and retries each until the provider responds.
//!
//! The intent of a call is stored before the call is made. A crash therefore never loses a call, but may repeat it; the
//! provider recognizes the repetition by its idempotency key.

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use decider::Service;
use store::{OpenIntent, Store};
use telemetry::{Metrics, Spans, Trace};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    call::{
        open_call::StoredCall,
        provider::{CallError, CallInfo, ProviderClient},
    },
    input::{Cause, CommandInput, Input, Reply},
    work_queue::WorkReceiver,
};

/// Maximum calls that wait for a response or for their next attempt. Others wait in the store.
const OPEN_MAX: usize = 10_000;
/// Maximum concurrent calls.
const CONCURRENT_MAX: usize = 1000;
/// First wait before a call is repeated.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// Maximum wait before a call is repeated.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

pub(crate) struct CallDispatcher<S: Service, D> {
    pub(crate) queue: WorkReceiver<OpenIntent, D>,
    pub(crate) provider: Arc<dyn ProviderClient<S>>,
    pub(crate) responses: mpsc::Sender<Input<S>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) spans: Spans,
}

impl<S: Service, D: Store> CallDispatcher<S, D> {
    /// Dispatches calls until shutdown. Then waits for the calls in progress, because a dropped response would force a
    /// repeated call. Calls that wait for their next attempt are made after the next start.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut calls = JoinSet::new();
        let concurrent = Arc::new(Semaphore::new(CONCURRENT_MAX));
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = calls.join_next() => {}
                next = self.queue.next(), if calls.len() < OPEN_MAX => match next {
                    Ok(Some(intent)) => {
                        calls.spawn(self.caller(&concurrent, &stop).run(intent));
                    }
                    Ok(None) => break,
                    Err(error) => {
                        error!(%error, "failed to read open calls, retrying");
                        stop.run_until_cancelled(sleep(BACKOFF_MAX)).await;
                    }
                },
            }
        }
        while calls.join_next().await.is_some() {}
    }

    fn caller(&self, concurrent: &Arc<Semaphore>, stop: &CancellationToken) -> Caller<S> {
        Caller {
            provider: Arc::clone(&self.provider),
            concurrent: Arc::clone(concurrent),
            responses: self.responses.clone(),
            metrics: Arc::clone(&self.metrics),
            spans: self.spans.clone(),
            stop: stop.clone(),
        }
    }
}

/// Makes one call.
struct Caller<S: Service> {
    provider: Arc<dyn ProviderClient<S>>,
    concurrent: Arc<Semaphore>,
    responses: mpsc::Sender<Input<S>>,
    metrics: Arc<Metrics>,
    spans: Spans,
    stop: CancellationToken,
}

impl<S: Service> Caller<S> {
    /// Makes the call and submits its response. At shutdown the call stays open.
    async fn run(self, open: OpenIntent) {
        let (event_id, position) = (open.intent.event_id, open.position);
        let call: StoredCall<S::Intent> = match serde_json::from_str(&open.intent.body) {
            Ok(call) => call,
            Err(error) => return error!(%error, %event_id, "failed to decode an open call, leaving it open"),
        };
        let mut backoff = backoff();
        loop {
            let Some((command, trace)) = self.call_with_retry(&call).await else { return };
            let (reply, handled) = oneshot::channel();
            let input = CommandInput {
                message: Some(event_id.0),
                command,
                cause: Cause { trace, ..call.cause.clone() },
                answers: Some(position),
                reply: Reply::Ack(reply),
                span: None,
                wave: None,
                record: None,
            };
            // If the processor has ended, the call is repeated after the next start.
            let _ = self.responses.send(Input::Command(input)).await;
            let Ok(Err(failure)) = handled.await else { return };
            error!(%failure, %event_id, "failed to process a response, repeating the call");
            self.stop.run_until_cancelled(sleep(backoff.next().unwrap_or(BACKOFF_MAX))).await;
        }
    }

    /// Retries forever, because the effects of a call at the provider must become known. A saga that takes too long is
    /// cancelled at its deadline, and the call that cancels is retried forever too. Returns `None` at shutdown.
    async fn call_with_retry(&self, call: &StoredCall<S::Intent>) -> Option<(S::Command, Trace)> {
        let mut backoff = backoff();
        loop {
            let permit = self.stop.run_until_cancelled(self.concurrent.acquire()).await?;
            let permit = permit.expect("the semaphore is never closed");
            let error = match self.attempt(call).await {
                Ok(response) => return Some(response),
                Err(error) => error,
            };
            drop(permit);
            let wait = backoff.next().unwrap_or(BACKOFF_MAX);
            self.log_retry(call, &error, wait);
            self.stop.run_until_cancelled(sleep(wait)).await?;
        }
    }

    async fn attempt(&self, call: &StoredCall<S::Intent>) -> Result<(S::Command, Trace), CallError> {
        let CallInfo { peer, operation, subject } = self.provider.describe(&call.intent);
        let mut span = self.spans.call(peer, operation, &subject, &call.cause.trace);
        let response = self.provider.call(&call.intent).await;
        if let Err(error) = &response {
            span.fail(error);
        }
        response.map(|command| (command, span.trace().clone()))
    }

    fn log_retry(&self, call: &StoredCall<S::Intent>, error: &CallError, wait: Duration) {
        self.metrics.retries.add(1, &[]);
        let CallInfo { peer, operation, subject } = self.provider.describe(&call.intent);
        let trace_id = call.cause.trace.trace_id();
        let correlation_id = call.cause.correlation_id.unwrap_or_default();
        let wait_ms = wait.as_millis();
        warn!(%error, peer, operation, %subject, %correlation_id, trace_id, wait_ms, "call failed, retrying");
    }
}

fn backoff() -> ExponentialBackoff {
    let backoff = ExponentialBuilder::default().with_min_delay(BACKOFF_MIN).with_max_delay(BACKOFF_MAX);
    backoff.with_jitter().without_max_times().build()
}
