//! What a service's HTTP API works with: commands go in, states come out.

use std::sync::Arc;

use cloudevent::{CorrelationId, EventId};
use decider::{LogError, LogEvent, Service, StreamId};
use futures::Stream;
use jiff::Timestamp;
use store::{AsOf, EventStore, Listing, Store as _, StoreError, StoredEvent, StreamHead};
use telemetry::{KeyValue, Metrics, Trace};
use tokio::sync::{mpsc, oneshot};
use tracing::error;
use uuid::Uuid;
use web::Problem;

use crate::{
    http::{
        followers::{Followed, Followers, follow},
        pages,
    },
    input::{Cause, CommandInput, Decided, Input, Reply},
    process::rebuild,
    publish::Backlog,
};

/// Events of a stream that are given at most.
const HISTORY_MAX: usize = 10_000;

/// A running service, as its HTTP handlers see it. Cheap to clone.
pub struct App<S: Service> {
    pub(crate) inputs: mpsc::Sender<Input<S>>,
    pub(crate) store: EventStore,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) followers: Followers,
}

impl<S: Service> Clone for App<S> {
    fn clone(&self) -> Self {
        let (backlog, metrics) = (Arc::clone(&self.backlog), Arc::clone(&self.metrics));
        let followers = self.followers.clone();
        Self { inputs: self.inputs.clone(), store: self.store.clone(), backlog, metrics, followers }
    }
}

/// Why the app has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// More commands wait than may wait.
    #[error("too much is waiting; try again")]
    Busy,
    /// More events wait to be published than may wait: Kafka is away, and has been for long.
    #[error("too many events wait to be published; try again when Kafka is back")]
    OutboxFull,
    /// The command can't be handled: a panic, or a log that this build can't read. It had no effect.
    #[error("{0}")]
    Failed(String),
    /// A stream holds what this build can't read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The service is about to stop.
    #[error("the service is stopping")]
    Stopping,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Busy => Self::too_many(error.to_string()),
            AppError::OutboxFull | AppError::Stopping => Self::unavailable(error.to_string()),
            AppError::Store(error) if error.is_unavailable() => {
                error!(%error, "a request failed");
                Self::unavailable("the database can't be reached; try again".to_owned())
            }
            AppError::Failed(_) | AppError::Log(_) | AppError::Store(_) => {
                error!(%error, "a request failed");
                Self::internal()
            }
        }
    }
}

/// An event of a stream, read from the log.
pub struct TimelineRow<S: Service> {
    /// The event's id.
    pub id: EventId,
    /// Its type's name.
    pub name: String,
    /// When it happened.
    pub time: Timestamp,
    /// The contract event that led to it.
    pub causation_id: Option<EventId>,
    /// Shared by all that the same request caused.
    pub correlation_id: CorrelationId,
    /// What happened.
    pub event: LogEvent<S::Public, S::Internal>,
}

impl<S: Service> App<S> {
    /// Whether new work may begin. What is begun goes on in any case.
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

    /// Has the command decided on, and waits until what follows is durable. A command with the same `message` takes
    /// effect once, and so does one that was sent again after its answer got lost.
    ///
    /// # Errors
    /// The command was not taken, or the service stopped before it said what became of it.
    pub async fn submit(
        &self,
        command: S::Command,
        message: Option<Uuid>,
        correlation_id: Option<CorrelationId>,
    ) -> Result<Decided<S>, AppError> {
        let (reply, decided) = oneshot::channel();
        let cause = Cause { correlation_id, trace: Trace::current(), ..Cause::default() };
        let input = Input::Command(CommandInput {
            message,
            command,
            cause,
            answers: None,
            reply: Reply::Decided(reply),
            span: None,
            arrival: None,
        });
        self.inputs.try_send(input).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => self.shed(AppError::Busy),
            mpsc::error::TrySendError::Closed(_) => AppError::Stopping,
        })?;
        let decided = decided.await.map_err(|_| AppError::Stopping)?;
        decided.map_err(|failure| AppError::Failed(failure.to_string()))
    }

    /// A stream's state at a point, and the version it had; `None` when there was nothing yet.
    ///
    /// # Errors
    /// The store failed.
    pub async fn state(&self, stream: StreamId, up_to: AsOf) -> Result<Option<(S::State, u64)>, AppError> {
        let stored = self.store.load(stream, up_to).await?;
        let version = stored.version;
        let state = rebuild::<S>(stored)?;
        Ok((version > 0).then_some((state, version)))
    }

    /// What happened in a stream, from its beginning.
    ///
    /// # Errors
    /// The store failed.
    pub async fn history(&self, stream: StreamId) -> Result<Vec<TimelineRow<S>>, AppError> {
        let events = self.store.history(stream, 0, HISTORY_MAX).await?;
        events.into_iter().map(row::<S>).collect()
    }

    /// What happened in a stream after a version (0: all of it), and what happens from now on. Ends when the service stops.
    ///
    /// # Errors
    /// The store failed, or too many follow already.
    pub async fn follow(
        &self,
        stream: StreamId,
        after: u64,
    ) -> Result<impl Stream<Item = Result<Followed<S>, AppError>> + Send + use<S>, AppError> {
        let following = follow::<S>(self.store.clone(), stream, after, self.followers.clone()).await;
        following.map_err(|error| if matches!(error, AppError::Busy) { self.shed(error) } else { error })
    }

    /// The id of the trace that a stream began in; `None` when that was not traced.
    ///
    /// # Errors
    /// The store failed.
    pub async fn trace_id(&self, stream: StreamId) -> Result<Option<String>, AppError> {
        let began = self.store.load(stream, AsOf::Version(0)).await?;
        Ok(Trace::from_text(&began.trace).trace_id())
    }

    /// A page of a category's streams with their states, newest first, and the cursor of the next page.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(
        &self,
        category: &'static str,
        page: pages::Checked,
    ) -> Result<(Vec<(StreamHead, S::State)>, Option<String>), AppError> {
        let listing = Listing { category, status: page.status, before: page.before, limit: page.limit };
        let page = self.store.list(listing).await?;
        let mut states = Vec::with_capacity(page.heads.len());
        for head in page.heads {
            let stored = self.store.load(head.stream.clone(), AsOf::Latest).await?;
            states.push((head, rebuild::<S>(stored)?));
        }
        Ok((states, page.next.map(|next| next.to_string())))
    }
}

pub(crate) fn row<S: Service>(stored: StoredEvent) -> Result<TimelineRow<S>, AppError> {
    let event = LogEvent::decode(&stored.name, &stored.schema, &stored.data)?;
    let StoredEvent { id, name, time, causation_id, correlation_id, .. } = stored;
    Ok(TimelineRow { id, name, time, causation_id, correlation_id, event })
}
