//! The timeline of an order: the events of all services, as recorded in the order's log.

use axum::extract::State;
use contracts::{CorrelationId, EventId, OrderId, event_type};
use decider::{LogEvent, StreamId};
use jiff::Timestamp;
use runtime::TimelineRow;
use serde::Serialize;
use utoipa::ToSchema;
use web::{NotFoundProblem, Path, Problem};

use super::{Handlers, orders::unknown};
use crate::{
    decider::{Order, OrderStep},
    policy::ORDERS,
};

/// The events of an order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderTimeline {
    order_id: OrderId,
    /// The id that all these events carry.
    correlation_id: CorrelationId,
    /// The trace of the order; absent without tracing.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    /// A link to the trace, if configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_url: Option<String>,
    /// Events in chronological order.
    entries: Vec<TimelineEvent>,
}

/// An event of an order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TimelineEvent {
    /// The time of the event by its service's clock.
    #[schema(value_type = String, format = DateTime)]
    pub(super) time: Timestamp,
    /// The service that published it.
    pub(super) service: &'static str,
    /// The event type.
    pub(super) event: &'static str,
    pub(super) id: EventId,
    /// The causing event; absent if a request or a deadline caused this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) caused_by: Option<EventId>,
    /// Microseconds since the causing event.
    #[serde(skip_serializing_if = "Option::is_none")]
    since_cause_us: Option<i64>,
    /// Microseconds since the order was placed.
    since_placed_us: i64,
}

/// Get the timeline of an order
///
/// Lists every event with its service, time and cause.
#[utoipa::path(get, operation_id = "get_timeline", path = "/orders/{order_id}/timeline", tag = "orders",
    params(("order_id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, body = OrderTimeline),
        NotFoundProblem,
    ))]
pub(super) async fn get(
    State(Handlers { app, trace_url, .. }): State<Handlers>,
    Path(order_id): Path<OrderId>,
) -> Result<axum::Json<OrderTimeline>, Problem> {
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
    Ok(axum::Json(OrderTimeline { order_id, correlation_id, trace_id, trace_url, entries }))
}

fn micros(from: Timestamp, to: Timestamp) -> i64 {
    to.as_microsecond() - from.as_microsecond()
}

/// Converts an event of the order, or a recorded event of another service.
pub(super) fn entry(row: TimelineRow<Order>) -> Option<TimelineEvent> {
    let (name, id, time, caused_by) = match row.event {
        LogEvent::Public(event) => (contracts::Contract::event_type(&event).name, row.id, row.time, row.causation_id),
        LogEvent::Internal(OrderStep::FactRecorded(observation)) => {
            let name = (&observation.fact).into();
            (name, observation.event_id, observation.occurred_at, observation.causation_id)
        }
        LogEvent::Internal(OrderStep::ProductListed(_) | OrderStep::WaveStarted { .. }) => return None,
    };
    let service = event_type(name)?.owner;
    Some(TimelineEvent { time, service, event: name, id, caused_by, since_cause_us: None, since_placed_us: 0 })
}
