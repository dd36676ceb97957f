//! What a service's HTTP API works with: commands go in, states come out.

use std::sync::Arc;

use contracts::{CorrelationId, EventId};
use decider::{LogError, LogEvent, Service, StreamId};
use futures::Stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{AsOf, EventStore, Listing, Store as _, StoreError, StoredEvent, StreamHead};
use telemetry::{KeyValue, Metrics, Trace};
use tokio::sync::{mpsc, oneshot};
use tracing::error;
use uuid::Uuid;
use web::{FieldError, Problem};

use crate::{
    backlog::Backlog,
    batch::rebuild,
    follow::{Followed, Followers, follow},
    input::{Cause, CommandInput, Decided, Input, Reply},
};

/// Streams in a page at most.
const PAGE_MAX: usize = 200;
/// Streams in a page when the client does not say.
const PAGE_DEFAULT: usize = 50;
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

/// Pages of lists, and points in the past, as clients ask for them.
pub mod pages {
    use utoipa::openapi::{
        KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat,
        schema::{Schema, Type},
    };

    use super::{AsOf, Deserialize, FieldError, PAGE_DEFAULT, PAGE_MAX, Problem, Serialize};

    /// Digits in a cursor at most: as many as fit an `i64`, whatever they are.
    const CURSOR_LEN_MAX: usize = 18;

    /// No stream has more events; what is asked for beyond is a mistake.
    const VERSION_MAX: u64 = i64::MAX as u64;

    /// Which page of a list.
    #[derive(Debug, Clone, Default, Deserialize, Serialize, utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    #[serde(deny_unknown_fields)]
    pub struct PageQuery {
        /// Only those with this status.
        pub status: Option<String>,
        /// Where the page begins: `next` of the page before.
        #[param(pattern = "^[0-9]{1,18}$")]
        pub cursor: Option<String>,
        /// How many at most.
        #[param(minimum = 1, maximum = 200, default = 50)]
        pub limit: Option<usize>,
    }

    /// A [`PageQuery`] that makes sense.
    #[derive(Debug)]
    pub struct Checked {
        pub(super) status: Option<String>,
        pub(super) before: Option<i64>,
        pub(super) limit: usize,
    }

    impl PageQuery {
        /// Checks the parameters.
        ///
        /// # Errors
        /// Names the parameters that are wrong.
        pub fn check(self) -> Result<Checked, Problem> {
            let mut wrong = Vec::new();
            let before = self.cursor.as_deref().map(position);
            if before == Some(None) {
                wrong.push(FieldError::new("cursor", "is not one that a page before gave"));
            }
            let limit = self.limit.unwrap_or(PAGE_DEFAULT);
            if !(1..=PAGE_MAX).contains(&limit) {
                wrong.push(FieldError::new("limit", format!("must be 1 to {PAGE_MAX}")));
            }
            if !wrong.is_empty() {
                return Err(Problem::invalid(wrong));
            }
            Ok(Checked { status: self.status, before: before.flatten(), limit })
        }
    }

    /// Digits alone: what else `parse` would take, a sign, no page ever gave.
    fn position(cursor: &str) -> Option<i64> {
        let is_one = cursor.len() <= CURSOR_LEN_MAX && cursor.bytes().all(|byte| byte.is_ascii_digit());
        if is_one { cursor.parse().ok() } else { None }
    }

    /// A point in the past.
    #[derive(Debug, Clone, Default, Deserialize, Serialize, utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    #[serde(deny_unknown_fields)]
    pub struct AtQuery {
        /// A version (a number from 1) or a time (RFC 3339); the latest when it is left out.
        #[param(schema_with = version_or_time)]
        pub at: Option<String>,
    }

    fn version_or_time() -> Schema {
        let int64 = Some(SchemaFormat::KnownFormat(KnownFormat::Int64));
        let version =
            ObjectBuilder::new().schema_type(Type::Integer).format(int64).minimum(Some(1)).maximum(Some(VERSION_MAX));
        let date_time = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
        let time = ObjectBuilder::new().schema_type(Type::String).format(date_time);
        OneOfBuilder::new().item(version).item(time).examples(["2026-11-23T10:00:00Z"]).into()
    }

    impl AtQuery {
        /// The point that is meant.
        ///
        /// # Errors
        /// It is neither a version nor a time.
        pub fn up_to(&self) -> Result<AsOf, Problem> {
            let Some(at) = &self.at else { return Ok(AsOf::Latest) };
            let version = || at.parse().ok().filter(|version| *version <= VERSION_MAX).map(AsOf::Version);
            let time = || at.parse().map(AsOf::Time).ok();
            let wrong = || Problem::invalid(vec![FieldError::new("at", "is neither a version nor an RFC 3339 time")]);
            version().or_else(time).ok_or_else(wrong)
        }
    }
}
