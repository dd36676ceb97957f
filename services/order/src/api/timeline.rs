//! The path of an order: every event of every service, as the order's own log knows them.

use axum::extract::State;
use contracts::{CorrelationId, EventId, OrderId, event_type};
use decider::{LogEvent, StreamId};
use jiff::Timestamp;
use runtime::TimelineRow;
use serde::Serialize;
use utoipa::ToSchema;
use web::{PROBLEM_JSON, Path, Problem};

use super::{Handlers, orders::unknown};
use crate::{
    decider::{Order, OrderNote},
    policy::ORDERS,
};

/// What happened to an order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Timeline {
    order_id: OrderId,
    /// Carried by all of these events.
    correlation_id: CorrelationId,
    /// The trace with all that happened because of the order; absent when nothing is traced.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    /// Where to look at that trace, if the service knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_url: Option<String>,
    /// In the order of time.
    entries: Vec<Entry>,
}

/// An event of an order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Entry {
    /// When it happened, by its service's clock.
    #[schema(value_type = String, format = DateTime)]
    pub(super) time: Timestamp,
    /// The service that published it.
    pub(super) service: &'static str,
    /// Its type.
    pub(super) event: &'static str,
    pub(super) id: EventId,
    /// The event that led to it; absent for what began with a request or a deadline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) caused_by: Option<EventId>,
    /// Microseconds since that event.
    #[serde(skip_serializing_if = "Option::is_none")]
    since_cause_us: Option<i64>,
    /// Microseconds since the order was placed.
    since_placed_us: i64,
}

/// Follow an order
///
/// Every event, with its service, its time, and what caused it.
#[utoipa::path(get, operation_id = "get_timeline", path = "/orders/{order_id}/timeline", tag = "orders",
    params(("order_id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, body = Timeline),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "No such order"),
    ))]
pub(super) async fn get(
    State(Handlers { app, trace_url, .. }): State<Handlers>,
    Path(order_id): Path<OrderId>,
) -> Result<axum::Json<Timeline>, Problem> {
    let stream = StreamId::new(ORDERS, order_id);
    let rows = app.history(stream.clone()).await?;
    let correlation_id = rows.first().ok_or_else(|| unknown(order_id))?.correlation_id;
    let mut entries: Vec<_> = rows.into_iter().filter_map(entry).collect();
    entries.sort_by_key(|entry| entry.time);
    let placed = entries.first().map(|entry| entry.time).unwrap_or_default();
    for index in 0..entries.len() {
        let cause = entries.iter().find(|cause| Some(cause.id) == entries[index].caused_by).map(|cause| cause.time);
        let entry = &mut entries[index];
        entry.since_placed_us = micros(placed, entry.time);
        entry.since_cause_us = cause.map(|cause| micros(cause, entry.time));
    }
    let trace_id = app.trace_id(stream).await?;
    let trace_url = trace_id.as_ref().filter(|_| !trace_url.is_empty()).map(|id| format!("{trace_url}{id}"));
    Ok(axum::Json(Timeline { order_id, correlation_id, trace_id, trace_url, entries }))
}

fn micros(from: Timestamp, to: Timestamp) -> i64 {
    to.as_microsecond() - from.as_microsecond()
}

/// The order's own events, and those of others that it noted.
pub(super) fn entry(row: TimelineRow<Order>) -> Option<Entry> {
    let (name, id, time, caused_by) = match row.event {
        LogEvent::Public(event) => (contracts::Contract::event_type(&event).name, row.id, row.time, row.causation_id),
        LogEvent::Internal(OrderNote::FactRecorded(observation)) => {
            let name = (&observation.fact).into();
            (name, observation.event_id, observation.occurred_at, observation.causation_id)
        }
        LogEvent::Internal(OrderNote::ProductListed(_)) => return None,
    };
    let service = event_type(name)?.owner;
    Some(Entry { time, service, event: name, id, caused_by, since_cause_us: None, since_placed_us: 0 })
}
