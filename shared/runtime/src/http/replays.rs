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
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use uuid::Uuid;
use web::{FieldError, Json, Path, Problem};

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
/// Number of replays whose progress is kept.
const REPLAYS_KEPT: usize = 100;

/// Selection of the streams to publish again; without one, all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// Only streams about this subject.
    pub subject: Option<String>,
    /// Only streams with public events after this position of the log.
    pub from_position: Option<i64>,
    /// Only streams with public events at this time or later.
    pub since: Option<Timestamp>,
    /// Maximum streams per second, 1 to 10,000. Default: 500.
    pub rate: Option<u32>,
}

/// Progress of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    Running,
    /// All selected streams are queued; they are published even if the service restarts.
    Done,
    /// Stopped early. The request can be repeated.
    Failed,
}

/// The replays of a running service. Cheap to clone.
pub(crate) struct Replays<S: Service> {
    inputs: mpsc::Sender<Input<S>>,
    store: Arc<dyn StreamReader>,
    progress: Arc<Mutex<VecDeque<ReplayProgress>>>,
    stop: CancellationToken,
}

impl<S: Service> Clone for Replays<S> {
    fn clone(&self) -> Self {
        let Self { inputs, store, progress, stop } = self;
        Self { inputs: inputs.clone(), store: Arc::clone(store), progress: Arc::clone(progress), stop: stop.clone() }
    }
}

/// The routes of the endpoint.
pub(crate) fn routes<S: Service>(replays: Replays<S>) -> Router {
    let router = Router::new().route("/replays", post(start::<S>)).route("/replays/{wave}", get(show::<S>));
    router.with_state(replays)
}

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
    let selections = [request.subject.is_some(), request.from_position.is_some(), request.since.is_some()];
    if selections.into_iter().filter(|is_given| *is_given).count() > 1 {
        errors.push(FieldError::new("", "give at most one of subject, from_position and since"));
    }
    let checked = request.rate.map_or(Some(RATE_DEFAULT), NonZeroU32::new).filter(|rate| rate.get() <= RATE_MAX);
    if checked.is_none() {
        errors.push(FieldError::new("/rate", format!("must be 1 to {RATE_MAX}")));
    }
    checked.filter(|_| errors.is_empty()).ok_or_else(|| Problem::invalid(errors))
}

impl<S: Service> Replays<S> {
    /// `stop` ends running replays.
    pub(crate) fn new(inputs: mpsc::Sender<Input<S>>, store: Arc<dyn StreamReader>, stop: CancellationToken) -> Self {
        Self { inputs, store, progress: Arc::default(), stop }
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
        if let Some(subject) = &request.subject {
            let streams = S::CATEGORIES.iter().map(|category| StreamId::new(category, subject)).collect();
            return self.join_all(wave, streams, &limiter).await;
        }
        let since = request.since.unwrap_or(Timestamp::MIN);
        let mut after = request.from_position.unwrap_or(0);
        loop {
            let page = self.store.tail(after, PAGE).await?;
            let mut streams: Vec<_> =
                page.entries.into_iter().filter(|entry| entry.event.time >= since).map(|entry| entry.stream).collect();
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
    fn request_names_at_most_one_selection_and_a_valid_rate() {
        let request = |text: &str| serde_json::from_str::<ReplayRequest>(text).expect("a request");
        assert_eq!(check(&request("{}")).expect("valid"), RATE_DEFAULT);
        assert_eq!(check(&request(r#"{"subject": "1", "rate": 7}"#)).expect("valid").get(), 7);
        for invalid in [r#"{"subject": "1", "from_position": 3}"#, r#"{"rate": 0}"#, r#"{"rate": 10001}"#] {
            assert!(check(&request(invalid)).is_err(), "{invalid}");
        }
        assert!(serde_json::from_str::<ReplayRequest>(r#"{"order": "1"}"#).is_err());
    }
}
