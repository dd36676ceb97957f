//! The path of an order while it is walked: Server-Sent Events.

use std::future::ready;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::sse::{Event, KeepAlive, Sse},
};
use contracts::{CancelReason, EventId, OrderId};
use decider::StreamId;
use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use runtime::{AppError, AsOf, Followed};
use serde::Serialize;
use tracing::error;
use utoipa::{IntoParams, ToSchema};
use web::{PROBLEM_JSON, Path, Problem};

use super::{Handlers, orders::unknown, timeline};
use crate::{decider::Order, policy::ORDERS};

/// What a client that lost its connection has seen: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
const LAST_EVENT_ID: &str = "last-event-id";

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
struct LastEventParam {
    /// The `id` of the last event that was seen; the stream goes on after it. Absent: from the beginning.
    #[param(rename = "Last-Event-ID", nullable = false)]
    last_event_id: Option<u64>,
}

/// The data of an event in the stream. Its `id` is the version that the order has with it, its `event` the type.
#[derive(Debug, Serialize, ToSchema)]
struct Happening {
    /// When it happened, by its service's clock.
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// The service that published it.
    service: &'static str,
    /// Its type.
    event: &'static str,
    id: EventId,
    /// The event that led to it; absent for what began with a request or a deadline.
    #[serde(skip_serializing_if = "Option::is_none")]
    caused_by: Option<EventId>,
    /// The order's status since then.
    status: &'static str,
    /// Why it is cancelled, or is to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<CancelReason>,
}

/// Watch an order
///
/// Server-Sent Events: every event of the order until now, then each as it happens. The stream stays open, also when the
/// order is final; it ends when the service stops, and goes on elsewhere with `Last-Event-ID`.
#[utoipa::path(get, operation_id = "watch_order", path = "/orders/{order_id}/events", tag = "orders",
    params(("order_id" = Uuid, Path, description = "The order"), LastEventParam),
    responses(
        (status = 200, body = Happening, content_type = "text/event-stream", description = "What happens, as it happens"),
        (status = 400, body = Problem, content_type = PROBLEM_JSON, description = "Last-Event-ID is wrong"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "No such order"),
        (status = 429, body = Problem, content_type = PROBLEM_JSON, description = "Too many watch; see Retry-After"),
    ))]
pub(super) async fn get(
    State(Handlers { app, .. }): State<Handlers>,
    Path(order_id): Path<OrderId>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, AppError>>>, Problem> {
    let after = last_event_id(&headers)?;
    let stream = StreamId::new(ORDERS, order_id);
    app.state(stream.clone(), AsOf::Latest).await?.ok_or_else(|| unknown(order_id))?;
    let happening = app.follow(stream, after).await?;
    let events = happening.filter_map(|followed| ready(followed.map(event).transpose()));
    let events = events.inspect(move |event| {
        if let Err(error) = event {
            error!(%error, %order_id, "who watches an order is left without the rest");
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

fn last_event_id(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(0) };
    let parsed = value.to_str().ok().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "header Last-Event-ID must be a version"))
}

fn event(Followed { version, row, state }: Followed<Order>) -> Option<Event> {
    let timeline::Entry { time, service, event, id, caused_by, .. } = timeline::entry(row)?;
    let order = state.order?;
    let happening = Happening { time, service, event, id, caused_by, status: order.status(), reason: order.reason() };
    let data = serde_json::to_string(&happening).ok()?;
    Some(Event::default().id(version.to_string()).event(event).data(data))
}
