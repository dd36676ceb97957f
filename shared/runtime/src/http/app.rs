//! The entry point of a service's HTTP API: commands in, states out.

use std::sync::Arc;

use cloudevent::CorrelationId;
use decider::{Service, StreamId};
use futures::Stream;
use store::{AsOf, Listing, StreamSummary};
use telemetry::{KeyValue, Metrics, Trace};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{
    http::{
        error::AppError,
        followers::{Followed, Followers, follow},
        pages,
        stream_reader::{StreamReader, load_state},
        timeline::TimelineRow,
    },
    input::{Cause, CommandInput, Decision, Input, Reply},
    publish::Backlog,
};

/// Maximum events in a history.
const HISTORY_MAX: usize = 10_000;

/// A running service, for its HTTP handlers. Cheap to clone.
pub struct App<S: Service> {
    pub(crate) inputs: mpsc::Sender<Input<S>>,
    pub(crate) store: Arc<dyn StreamReader>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) followers: Followers,
}

impl<S: Service> Clone for App<S> {
    fn clone(&self) -> Self {
        Self {
            inputs: self.inputs.clone(),
            store: Arc::clone(&self.store),
            backlog: Arc::clone(&self.backlog),
            metrics: Arc::clone(&self.metrics),
            followers: self.followers.clone(),
        }
    }
}

impl<S: Service> App<S> {
    /// Admits new work. Work in progress continues in any case.
    ///
    /// # Errors
    /// [`AppError::OutboxFull`].
    pub fn admit(&self) -> Result<(), AppError> {
        if self.backlog.is_full() { Err(self.shed(AppError::OutboxFull)) } else { Ok(()) }
    }

    fn shed(&self, error: AppError) -> AppError {
        let reason = if matches!(error, AppError::Busy) { "busy" } else { "outbox_full" };
        self.metrics.shed.add(1, &[KeyValue::new("reason", reason)]);
        error
    }

    /// Decides on a command, and waits until the events that follow are durable. Commands about the same stream with the same
    /// `message` take effect once, so a client may repeat a request whose response was lost.
    ///
    /// # Errors
    /// The command was not accepted, it failed, or the service stopped before its result was known.
    pub async fn submit(
        &self,
        command: S::Command,
        message: Option<Uuid>,
        correlation_id: Option<CorrelationId>,
    ) -> Result<Decision<S>, AppError> {
        let (reply, decision) = oneshot::channel();
        let cause = Cause { correlation_id, trace: Trace::current(), ..Cause::default() };
        let input = Input::Command(CommandInput {
            message,
            command,
            cause,
            answers: None,
            reply: Reply::State(reply),
            span: None,
            wave: None,
            record: None,
        });
        self.inputs.try_send(input).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => self.shed(AppError::Busy),
            mpsc::error::TrySendError::Closed(_) => AppError::Stopping,
        })?;
        let decision = decision.await.map_err(|_| AppError::Stopping)?;
        decision.map_err(|failure| AppError::Failed(failure.to_string()))
    }

    /// State and version of a stream at a point. Returns `None` if the stream did not exist then.
    ///
    /// # Errors
    /// The store fails, or this build cannot read the stream.
    pub async fn state(&self, stream: StreamId, as_of: AsOf) -> Result<Option<(S::State, u64)>, AppError> {
        let (state, version) = load_state::<S>(&*self.store, &stream, as_of).await?;
        Ok((version > 0).then_some((state, version)))
    }

    /// The events of a stream, oldest first.
    ///
    /// # Errors
    /// The store fails, or this build cannot read the stream.
    pub async fn history(&self, stream: StreamId) -> Result<Vec<TimelineRow<S>>, AppError> {
        let events = self.store.history(stream, 0, HISTORY_MAX).await?;
        events.into_iter().map(TimelineRow::try_from).collect()
    }

    /// The events of a stream after a version (0 means all), and then its new events. Ends at shutdown.
    ///
    /// # Errors
    /// The store fails, or there are too many followers.
    pub async fn follow(
        &self,
        stream: StreamId,
        after: u64,
    ) -> Result<impl Stream<Item = Result<Followed<S>, AppError>> + Send + use<S>, AppError> {
        let following = follow::<S>(Arc::clone(&self.store), stream, after, self.followers.clone()).await;
        following.map_err(|error| if matches!(error, AppError::Busy) { self.shed(error) } else { error })
    }

    /// Id of the trace in which a stream started. Returns `None` if the start was not traced.
    ///
    /// # Errors
    /// The store fails.
    pub async fn trace_id(&self, stream: StreamId) -> Result<Option<String>, AppError> {
        let start = self.store.load(stream, AsOf::Version(0)).await?;
        Ok(start.head.and_then(|head| Trace::from_text(&head.trace).trace_id()))
    }

    /// A page of the streams of a category with their states, newest first, and the cursor of the next page.
    ///
    /// # Errors
    /// The store fails, or this build cannot read a stream.
    pub async fn list(
        &self,
        category: &'static str,
        page: pages::PageRequest,
    ) -> Result<(Vec<(StreamSummary, S::State)>, Option<String>), AppError> {
        let listing = Listing { category, status: page.status, before: page.before, limit: page.limit };
        let page = self.store.list(listing).await?;
        let mut states = Vec::with_capacity(page.heads.len());
        for head in page.heads {
            let (state, _) = load_state::<S>(&*self.store, &head.stream, AsOf::Latest).await?;
            states.push((head, state));
        }
        Ok((states, page.next.map(|next| next.to_string())))
    }
}
