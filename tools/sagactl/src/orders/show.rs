//! `sagactl orders show`

use anyhow::{Context as _, Result};
use catalog::ServiceName;
use clap::Args;
use contracts::OrderId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::summary::{OrderSummary, amount, time_of_day};
use crate::{
    exit::ExitStatus,
    output::{TableRow, table},
    settings::Settings,
};

#[derive(Args)]
pub(crate) struct ShowOrder {
    /// Order id
    order: OrderId,
}

/// An order with its events and the views of the other services.
#[derive(Serialize)]
struct OrderDetails {
    order: OrderSummary,
    timeline: OrderTimeline,
    parts: Vec<ParticipantView>,
}

/// All events of an order that the order service has received.
#[derive(Deserialize, Serialize)]
struct OrderTimeline {
    correlation_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace_url: Option<String>,
    entries: Vec<TimelineEvent>,
}

#[derive(Deserialize, Serialize)]
struct TimelineEvent {
    time: String,
    service: String,
    event: String,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caused_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since_cause_us: Option<i64>,
    since_placed_us: i64,
}

impl TableRow for TimelineEvent {
    const HEADER: &'static [&'static str] = &["time (UTC)", "+ms", "service", "event"];
    const NUMBERS: &'static [usize] = &[1];

    fn cells(&self) -> Vec<String> {
        let since = milliseconds(self.since_placed_us);
        vec![time_of_day(&self.time), since, self.service.clone(), self.event.clone()]
    }
}

/// Another service's view of the order.
#[derive(Serialize)]
struct ParticipantView {
    service: &'static str,
    /// `None` if the service has no record of the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<Value>,
    /// Reason why the view is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl TableRow for ParticipantView {
    const HEADER: &'static [&'static str] = &["service", "status"];

    fn cells(&self) -> Vec<String> {
        let status = |known: &Value| known["status"].as_str().unwrap_or("?").to_owned();
        let status = self.known.as_ref().map_or("unknown order".to_owned(), status);
        vec![self.service.to_owned(), self.error.clone().unwrap_or(status)]
    }
}

impl ShowOrder {
    pub(super) fn run(self, settings: &Settings) -> Result<ExitStatus> {
        let client = settings.client(ServiceName::Order);
        let id = self.order;
        let order = client.find(&format!("/orders/{id}"))?.with_context(|| format!("there is no order {id}"))?;
        let timeline = client.get(&format!("/orders/{id}/timeline"))?;
        let participants = ServiceName::all().filter(|service| *service != ServiceName::Order);
        let views = participants
            .filter_map(|service| Some(participant_view(settings, service, &format!("/{}/{id}", service.resource()?))));
        let details = OrderDetails { order, timeline, parts: views.collect() };
        settings.output.one(&details, || details.text())?;
        Ok(ExitStatus::Success)
    }
}

/// Reads the view of one service. An unavailable service must not prevent the output of the rest.
fn participant_view(settings: &Settings, service: ServiceName, path: &str) -> ParticipantView {
    let (known, error) = match settings.client(service).find(path) {
        Ok(known) => (known, None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    ParticipantView { service: service.name(), known, error }
}

impl OrderDetails {
    fn text(&self) -> String {
        let OrderSummary { id, status, reason, customer, total, placed_at, .. } = &self.order;
        let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let OrderTimeline { trace_id, trace_url, entries, .. } = &self.timeline;
        let trace = trace_url.as_ref().or(trace_id.as_ref()).map_or("none", String::as_str);
        format!(
            "Order {id}: {status}{reason}\n  {customer}, {}, placed {placed_at}\n  trace {trace}\n\n{}\n\n{}",
            amount(*total),
            table(entries),
            table(&self.parts)
        )
    }
}

/// Formats microseconds as milliseconds with one decimal.
fn milliseconds(microseconds: i64) -> String {
    let tenths = (microseconds + 50).div_euclid(100);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    #[test]
    fn milliseconds_have_one_decimal() {
        assert_eq!(milliseconds(12_349), "12.3");
        assert_eq!(milliseconds(0), "0.0");
    }

    #[test]
    fn details_text_has_events_and_participants() {
        let order = json!({
            "order_id": "01a208d8-0266-73c3-9b9f-c2ad752e6e01", "status": "cancelled", "reason": "customer",
            "customer": "ada", "total": { "minor": 1250, "currency": "EUR" },
            "placed_at": "2026-11-23T13:49:05.434771Z", "deadline": "2026-11-23T13:50:05.434771Z",
        });
        let event = |service: &str, name: &str, since_placed_us: i64| {
            json!({
                "time": "2026-11-23T13:49:05.434771Z", "service": service, "event": name, "id": "1",
                "since_placed_us": since_placed_us,
            })
        };
        let entries = [event("order", "OrderPlaced", 0), event("inventory", "StockReserved", 12_349)];
        let timeline = json!({ "correlation_id": "c", "trace_id": "t", "entries": entries });
        let view = |service, known, error| ParticipantView { service, known, error };
        let details = OrderDetails {
            order: serde_json::from_value(order).unwrap(),
            timeline: serde_json::from_value(timeline).unwrap(),
            parts: vec![
                view("inventory", Some(json!({ "status": "released" })), None),
                view("payment", None, None),
                view("shipping", None, Some("connection refused".into())),
            ],
        };
        expect![[r#"
            Order 01a208d8-0266-73c3-9b9f-c2ad752e6e01: cancelled (customer)
              ada, 12.50 EUR, placed 2026-11-23T13:49:05.434771Z
              trace t

            time (UTC)     +ms  service    event
            ────────────────────────────────────────────
            13:49:05.434   0.0  order      OrderPlaced
            13:49:05.434  12.3  inventory  StockReserved

            service    status
            ─────────────────────────────
            inventory  released
            payment    unknown order
            shipping   connection refused"#]]
        .assert_eq(&details.text());
    }
}
