//! `sagactl orders show`

use anyhow::{Context as _, Result};
use clap::Args;
use contracts::{OrderId, ServiceName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Order, amount, time_of_day};
use crate::{
    Verdict,
    output::{Row, table},
    settings::Settings,
};

#[derive(Args)]
pub(crate) struct Show {
    /// Which one.
    order: OrderId,
}

/// An order with all its parts.
#[derive(Serialize)]
struct Whole {
    order: Order,
    timeline: Timeline,
    parts: Vec<Part>,
}

/// Every event of an order, as the order service knows it.
#[derive(Deserialize, Serialize)]
struct Timeline {
    correlation_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace_url: Option<String>,
    entries: Vec<Entry>,
}

#[derive(Deserialize, Serialize)]
struct Entry {
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

impl Row for Entry {
    const HEADER: &'static [&'static str] = &["time (UTC)", "+ms", "service", "event"];
    const NUMBERS: &'static [usize] = &[1];

    fn cells(&self) -> Vec<String> {
        let since = milliseconds(self.since_placed_us);
        vec![time_of_day(&self.time), since, self.service.clone(), self.event.clone()]
    }
}

/// What another service knows of the order.
#[derive(Serialize)]
struct Part {
    service: &'static str,
    /// None: it knows nothing of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<Value>,
    /// Why it did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Row for Part {
    const HEADER: &'static [&'static str] = &["service", "its part"];

    fn cells(&self) -> Vec<String> {
        let said = |known: &Value| known["status"].as_str().unwrap_or("?").to_owned();
        let part = self.known.as_ref().map_or("nothing is known".to_owned(), said);
        vec![self.service.to_owned(), self.error.clone().unwrap_or(part)]
    }
}

impl Show {
    pub(super) fn run(self, settings: &Settings) -> Result<Verdict> {
        let client = settings.client(ServiceName::Order);
        let id = self.order;
        let order = client.find(&format!("/orders/{id}"))?.with_context(|| format!("there is no order {id}"))?;
        let timeline = client.get(&format!("/orders/{id}/timeline"))?;
        let others = [
            (ServiceName::Inventory, "reservations"),
            (ServiceName::Payment, "payments"),
            (ServiceName::Shipping, "shipments"),
        ];
        let parts = others.map(|(service, what)| part(settings, service, &format!("/{what}/{id}"))).into();
        let whole = Whole { order, timeline, parts };
        settings.output.one(&whole, || whole.text())?;
        Ok(Verdict::Good)
    }
}

/// A service that does not answer is no reason not to show the rest.
fn part(settings: &Settings, service: ServiceName, path: &str) -> Part {
    let (known, error) = match settings.client(service).find(path) {
        Ok(known) => (known, None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    Part { service: service.name(), known, error }
}

impl Whole {
    fn text(&self) -> String {
        let Order { id, status, reason, customer, total, placed_at, .. } = &self.order;
        let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let Timeline { trace_id, trace_url, entries, .. } = &self.timeline;
        let trace = trace_url.as_ref().or(trace_id.as_ref()).map_or("none", String::as_str);
        format!(
            "Order {id}: {status}{reason}\n  {customer}, {}, placed {placed_at}\n  trace {trace}\n\n{}\n\n{}",
            amount(*total),
            table(entries),
            table(&self.parts)
        )
    }
}

/// With one decimal.
fn milliseconds(microseconds: i64) -> String {
    let tenths = (microseconds + 50).div_euclid(100);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_have_one_decimal() {
        assert_eq!(milliseconds(12_349), "12.3");
        assert_eq!(milliseconds(0), "0.0");
    }
}
