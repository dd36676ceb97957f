//! The operator's endpoint by which a service publishes its facts again.
//!
//! A replay selects streams: those about one subject, or all with public events from a position of the log or a time on.
//! Each selected stream joins the replay's wave in a separate transaction. A replay is safe at any time.

use std::{
    collections::VecDeque,
    num::NonZeroU32,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use decider::{Service, StreamId};
use futures::{StreamExt as _, stream};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use store::{LogEntry, StoreError};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use utoipa::{OpenApi, ToSchema, openapi::OpenApi as OpenApiDocument};
use uuid::Uuid;
use web::{BodyProblems, FieldError, Json, LookupProblems, PROBLEM_JSON, Path, Problem};

use crate::{
    http::{error::AppError, stream_reader::StreamReader},
    input::{Input, ReplayInput},
};

/// Streams per second without a `rate`.
const RATE_DEFAULT: NonZeroU32 = NonZeroU32::new(500).expect("not zero");
/// Maximum streams per second.
const RATE_MAX: u32 = 10_000;
/// Events per read of the log.
const PAGE: usize = 1_000;
/// Maximum streams that join a wave at the same time.
const CONCURRENT_MAX: usize = 64;
/// Maximum position of the log in a request: the largest integer that every JSON parser reads exactly.
const POSITION_MAX: i64 = (1 << 53) - 1;
/// Number of replays whose progress is kept.
const REPLAYS_KEPT: usize = 100;

/// Selection of the streams to publish again; without one, all, and all dead letters. Several conditions apply together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// Only streams about this subject.
    pub subject: Option<String>,
    /// Only streams with public events after this position of the log.
    #[serde(default, deserialize_with = "optional_integer")]
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub from_position: Option<i64>,
    /// Only streams with public events at this time or later.
    pub since: Option<Timestamp>,
    /// Maximum streams per second. Default: 500.
    #[serde(default, deserialize_with = "optional_integer")]
    #[schema(minimum = 1, maximum = 10_000)]
    pub rate: Option<u32>,
}

#[derive(Deserialize)]
#[serde(bound = "T: TryFrom<i128>")]
struct LenientInteger<T>(#[serde(deserialize_with = "web::lenient_integer")] T);

fn optional_integer<'de, T: TryFrom<i128>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<LenientInteger<T>>::deserialize(deserializer)?.map(|integer| integer.0))
}

/// Progress of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayProgress {
    pub wave: Uuid,
    pub state: ReplayState,
    /// Number of streams that are published again or queued for it.
    pub streams: u64,
    /// Position of the log up to which streams have been selected.
    pub position: i64,
    /// The reason of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// State of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    Running,
    /// All selected streams are queued; they are published even if the service restarts.
    Done,
    /// Stopped early. The request can be repeated.
    Failed,
}

#[derive(OpenApi)]
#[openapi(paths(start, show), components(schemas(Problem)))]
struct OperatorApi;

/// Adds the endpoints that every service serves for operators to a service's OpenAPI document.
pub fn with_operator_api(mut api: OpenApiDocument) -> OpenApiDocument {
    api.merge(OperatorApi::openapi());
    api
}

/// The replays of a running service. Cheap to clone.
pub(crate) struct Replays<S: Service> {
    inputs: mpsc::Sender<Input<S>>,
    store: Arc<dyn StreamReader>,
    progress: Arc<Mutex<VecDeque<ReplayProgress>>>,
    /// Notifies the relay of dead letters.
    dead_letters: Arc<Notify>,
    stop: CancellationToken,
}

impl<S: Service> Clone for Replays<S> {
    fn clone(&self) -> Self {
        let Self { inputs, store, progress, dead_letters, stop } = self;
        let (store, progress, dead_letters) = (Arc::clone(store), Arc::clone(progress), Arc::clone(dead_letters));
        Self { inputs: inputs.clone(), store, progress, dead_letters, stop: stop.clone() }
    }
}

/// The routes of the endpoint.
pub(crate) fn routes<S: Service>(replays: Replays<S>) -> Router {
    let router = Router::new().route("/replays", post(start::<S>)).route("/replays/{wave}", get(show::<S>));
    router.with_state(replays)
}

/// Publish facts again, in a new wave
///
/// For operators. The service executes one request at a time. The response names the progress.
#[utoipa::path(
    post,
    operation_id = "start_replay",
    path = "/replays",
    tag = "operation",
    request_body = ReplayRequest,
    responses(
        (status = 202, body = ReplayProgress, description = "Started", headers(("Location", description = "The progress"))),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "Another replay is running"),
        BodyProblems
    )
)]
async fn start<S: Service>(
    State(replays): State<Replays<S>>,
    Json(request): Json<ReplayRequest>,
) -> Result<impl IntoResponse, Problem> {
    let rate = check(&request)?;
    let started = replays.register()?;
    let location = format!("/replays/{}", started.wave);
    tokio::spawn(replays.run(started.wave, request, rate));
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], axum::Json(started)))
}

/// Progress of a replay
///
/// Each instance knows its own replays, until it ends.
#[utoipa::path(
    get,
    operation_id = "get_replay",
    path = "/replays/{wave}",
    tag = "operation",
    params(("wave" = Uuid, Path, description = "The wave")),
    responses((status = 200, body = ReplayProgress, description = "The progress"), LookupProblems)
)]
async fn show<S: Service>(
    State(replays): State<Replays<S>>,
    Path(wave): Path<Uuid>,
) -> Result<axum::Json<ReplayProgress>, Problem> {
    let progress = replays.progress.lock().expect("no panic while locked");
    let found = progress.iter().find(|progress| progress.wave == wave).cloned();
    found.map(axum::Json).ok_or_else(|| Problem::not_found(format!("replay {wave} does not exist")))
}

/// Checks a request and returns its rate.
fn check(request: &ReplayRequest) -> Result<NonZeroU32, Problem> {
    let mut errors = Vec::new();
    if request.from_position.is_some_and(|position| !(0..=POSITION_MAX).contains(&position)) {
        errors.push(FieldError::new("/from_position", format!("must be 0 to {POSITION_MAX}")));
    }
    let checked = request.rate.map_or(Some(RATE_DEFAULT), NonZeroU32::new).filter(|rate| rate.get() <= RATE_MAX);
    if checked.is_none() {
        errors.push(FieldError::new("/rate", format!("must be 1 to {RATE_MAX}")));
    }
    checked.filter(|_| errors.is_empty()).ok_or_else(|| Problem::invalid(errors))
}

impl<S: Service> Replays<S> {
    /// `dead_letters` notifies the relay; `stop` ends running replays.
    pub(crate) fn new(
        inputs: mpsc::Sender<Input<S>>,
        store: Arc<dyn StreamReader>,
        dead_letters: Arc<Notify>,
        stop: CancellationToken,
    ) -> Self {
        Self { inputs, store, progress: Arc::default(), dead_letters, stop }
    }

    /// Publishes all dead letters again.
    pub(crate) async fn republish_dead_letters(&self) -> Result<(), StoreError> {
        self.store.republish_dead_letters().await?;
        self.dead_letters.notify_one();
        Ok(())
    }

    /// Publishes everything again, because the service's topic has lost records. Does nothing while another replay runs.
    pub(crate) async fn replay_all(&self) {
        if let Ok(started) = self.register() {
            self.clone().run(started.wave, ReplayRequest::default(), RATE_DEFAULT).await;
        }
    }

    /// Registers a new replay, unless another is running.
    fn register(&self) -> Result<ReplayProgress, Problem> {
        let mut all = self.progress.lock().expect("no panic while locked");
        if let Some(running) = all.iter().find(|progress| progress.state == ReplayState::Running) {
            return Err(Problem::conflict(format!("replay {} is still running", running.wave)));
        }
        let (wave, state) = (Uuid::now_v7(), ReplayState::Running);
        let progress = ReplayProgress { wave, state, streams: 0, position: 0, error: None };
        all.push_front(progress.clone());
        all.truncate(REPLAYS_KEPT);
        Ok(progress)
    }

    fn update(&self, wave: Uuid, change: impl FnOnce(&mut ReplayProgress)) {
        let mut all = self.progress.lock().expect("no panic while locked");
        if let Some(progress) = all.iter_mut().find(|progress| progress.wave == wave) {
            change(progress);
        }
    }

    async fn run(self, wave: Uuid, request: ReplayRequest, rate: NonZeroU32) {
        let selected = self.stop.run_until_cancelled(self.select(wave, &request, rate)).await;
        match selected.unwrap_or(Err(AppError::Stopping)) {
            Ok(()) => {
                self.update(wave, |progress| progress.state = ReplayState::Done);
                info!(%wave, ?request, "selected streams to publish again");
            }
            Err(error) => {
                error!(%error, %wave, "failed to select streams to publish again");
                self.update(wave, |progress| {
                    (progress.state, progress.error) = (ReplayState::Failed, Some(error.to_string()));
                });
            }
        }
    }

    /// Lets all selected streams join the wave.
    async fn select(&self, wave: Uuid, request: &ReplayRequest, rate: NonZeroU32) -> Result<(), AppError> {
        let limiter = RateLimiter::direct(Quota::per_second(rate).allow_burst(NonZeroU32::MIN));
        let ReplayRequest { subject, from_position, since, .. } = request;
        if let (Some(subject), None, None) = (subject, from_position, since) {
            let streams = S::CATEGORIES.iter().map(|category| StreamId::new(category, subject)).collect();
            return self.join_all(wave, streams, &limiter).await;
        }
        if (subject, from_position, since) == (&None, &None, &None) {
            self.republish_dead_letters().await?;
        }
        let is_selected = |entry: &LogEntry| {
            subject.as_ref().is_none_or(|subject| entry.stream.id() == subject)
                && since.is_none_or(|since| entry.event.time >= since)
        };
        let mut after = from_position.unwrap_or(0);
        loop {
            let page = self.store.tail(after, PAGE).await?;
            let mut streams: Vec<_> = page.entries.into_iter().filter(is_selected).map(|entry| entry.stream).collect();
            streams.sort_unstable();
            streams.dedup();
            self.join_all(wave, streams, &limiter).await?;
            after = page.through;
            self.update(wave, |progress| progress.position = after);
            if !page.has_more {
                return Ok(());
            }
        }
    }

    async fn join_all(
        &self,
        wave: Uuid,
        streams: Vec<StreamId>,
        limiter: &DefaultDirectRateLimiter,
    ) -> Result<(), AppError> {
        let joins = stream::iter(streams).map(|stream| async move {
            limiter.until_ready().await;
            self.join(wave, stream).await
        });
        let mut joins = std::pin::pin!(joins.buffer_unordered(CONCURRENT_MAX));
        while let Some(joined) = joins.next().await {
            if joined? {
                self.update(wave, |progress| progress.streams += 1);
            }
        }
        Ok(())
    }

    /// Lets a stream join the wave. Returns false if it has joined before, or has no public event.
    async fn join(&self, wave: Uuid, stream: StreamId) -> Result<bool, AppError> {
        let (reply, joined) = oneshot::channel();
        let input = Input::Replay(ReplayInput { stream, wave, reply });
        self.inputs.send(input).await.map_err(|_| AppError::Stopping)?;
        joined.await.map_err(|_| AppError::Stopping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_has_valid_position_and_rate() {
        let request = |text: &str| serde_json::from_str::<ReplayRequest>(text).expect("a request");
        assert_eq!(check(&request("{}")).expect("valid"), RATE_DEFAULT);
        assert_eq!(check(&request(r#"{"subject": "1", "rate": 7.0, "since": null}"#)).expect("valid").get(), 7);
        for invalid in [r#"{"from_position": -1}"#, r#"{"rate": 0}"#, r#"{"rate": 10001}"#] {
            assert!(check(&request(invalid)).is_err(), "{invalid}");
        }
        assert!(serde_json::from_str::<ReplayRequest>(r#"{"order": "1"}"#).is_err());
    }
}
