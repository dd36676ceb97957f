//! Live events of an order as Server-Sent Events.

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

/// The header with which a client resumes: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
const LAST_EVENT_ID: &str = "last-event-id";

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
struct LastEventParam {
    /// The `id` of the last received event, after which the stream continues. Without it, the stream starts at the beginning.
    #[param(rename = "Last-Event-ID", nullable = false)]
    last_event_id: Option<u64>,
}

/// The data of an event in the stream. Its `id` is the order's version after the event, and its `event` the event type.
#[derive(Debug, Serialize, ToSchema)]
struct OrderEventView {
    /// The time of the event by its service's clock.
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// The service that published it.
    service: &'static str,
    /// The event type.
    event: &'static str,
    id: EventId,
    /// The causing event; absent if a request or a deadline caused this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    caused_by: Option<EventId>,
    /// The order's status after the event.
    status: &'static str,
    /// The reason for the cancellation, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<CancelReason>,
}

/// Watch an order
///
/// Server-Sent Events: all events of the order so far, then each new one. The stream stays open even if the order is final. It
/// ends when the service stops, and another instance continues it after `Last-Event-ID`.
#[utoipa::path(get, operation_id = "watch_order", path = "/orders/{order_id}/events", tag = "orders",
    params(("order_id" = Uuid, Path, description = "The order"), LastEventParam),
    responses(
        (status = 200, body = OrderEventView, content_type = "text/event-stream", description = "Events of the order"),
        (status = 400, body = Problem, content_type = PROBLEM_JSON, description = "Invalid Last-Event-ID"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "Not found"),
        (status = 429, body = Problem, content_type = PROBLEM_JSON, description = "Too many watchers; see Retry-After"),
    ))]
pub(super) async fn get(
    State(Handlers { app, .. }): State<Handlers>,
    Path(order_id): Path<OrderId>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, AppError>>>, Problem> {
    let after = last_event_id(&headers)?;
    let stream = StreamId::new(ORDERS, order_id);
    app.state(stream.clone(), AsOf::Latest).await?.ok_or_else(|| unknown(order_id))?;
    let followed = app.follow(stream, after).await?;
    let events = followed.filter_map(|followed| ready(followed.map(event).transpose()));
    let events = events.inspect(move |event| {
        if let Err(error) = event {
            error!(%error, subject = %order_id, "order event stream aborted");
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

fn last_event_id(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(0) };
    let parsed = value.to_str().ok().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "invalid header Last-Event-ID, expected a version"))
}

fn event(Followed { version, row, state }: Followed<Order>) -> Option<Event> {
    let timeline::TimelineEvent { time, service, event, id, caused_by, .. } = timeline::entry(row)?;
    let order = state.order?;
    let view = OrderEventView { time, service, event, id, caused_by, status: order.status(), reason: order.reason() };
    let data = serde_json::to_string(&view).ok()?;
    Some(Event::default().id(version.to_string()).event(event).data(data))
}
