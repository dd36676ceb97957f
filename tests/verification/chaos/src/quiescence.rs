//! Waiting until the suite has no more work.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use providers::simulator::CarrierLedger;
use serde_json::Value;
use xtask::{ServiceName, wait_until};

use crate::choreography::listing;
use crate::kafka::lag;
use crate::system::SystemUnderTest;

/// Maximum time from the end of the faults until every order is final.
pub(crate) const FINAL_WITHIN: Duration = Duration::from_mins(1);
/// Maximum time for outboxes and offsets. Exceeds the age of gauges and the interval of offset commits.
pub(crate) const SETTLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Remaining work after the faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quiescence {
    /// Time from the end of the last fault until every order, payment and shipment was final, including orders placed
    /// after that fault. `None` if some are not final.
    pub final_after: Option<Duration>,
    /// Work in progress at the timeout.
    pub in_progress: Vec<String>,
    /// Difference between the carrier's bookings and the shipments, at the timeout.
    pub parcels: Option<String>,
    /// Outbox backlog of each service.
    pub outbox: BTreeMap<&'static str, u64>,
    /// Error because of which the lag of some service is unknown.
    pub lag_error: Option<String>,
    /// Consumer lag of each service: from committed offsets, then from its own metric.
    pub lag: BTreeMap<&'static str, (i64, u64)>,
}

/// Waits until everything is final, at most `within` after the last fault, then at most `settling` for outboxes and
/// offsets.
///
/// # Errors
/// A service does not answer.
pub(crate) fn wait_for_quiescence(
    system: &SystemUnderTest,
    within: Duration,
    settling: Duration,
) -> Result<Quiescence> {
    let over = system.injected_faults().iter().map(|fault| fault.until).max().unwrap_or_else(Timestamp::now);
    let since = || Duration::try_from(Timestamp::now().duration_since(over)).unwrap_or_default();
    let mut quiescence = Quiescence::default();
    let ended = wait_until("all orders to end", within.saturating_sub(since()), || match in_progress(system) {
        Ok(nothing) if nothing.is_empty() => Ok(()),
        Ok(something) => Err(something.join(", ")),
        Err(error) => Err(format!("{error:#}")),
    });
    match ended {
        Ok(()) => quiescence.final_after = Some(since()),
        Err(_) => quiescence.in_progress = in_progress(system)?,
    }
    // A timeout is not an error here, because the last observation describes it. Gauges are some seconds old, hence the
    // wait.
    let settled = wait_until("the suite to settle", settling, || match settle(system, &mut quiescence) {
        Ok(true) => Ok(()),
        Ok(false) => Err("work left".to_owned()),
        Err(error) => Err(format!("{error:#}")),
    });
    if quiescence.lag.len() < ServiceName::all().len() {
        quiescence.lag_error = settled.err().map(|error| format!("{error:#}"));
    }
    Ok(quiescence)
}

fn in_progress(system: &SystemUnderTest) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (service, listing) in ServiceName::all().filter_map(|service| Some((service, listing(service)?))) {
        let list = listing.name;
        for status in listing.in_progress {
            let page = system.client(service).get(&format!("/{list}?status={status}&limit=200"))?.expect_status(200)?;
            let items = page[list].as_array().context("response has no list")?;
            if !items.is_empty() {
                let first = items[0]["order_id"].as_str().unwrap_or_default();
                found.push(format!("{} {list} with status {status}, first {first}", items.len()));
            }
        }
    }
    Ok(found)
}

/// Updates outboxes, lag and parcels. Returns true if no work is left.
fn settle(system: &SystemUnderTest, quiescence: &mut Quiescence) -> Result<bool> {
    for service in ServiceName::all() {
        let metrics = metrics(system, service)?;
        quiescence.outbox.insert(service.name(), gauge(&metrics, "saga_outbox_backlog")?);
        let own = gauge(&metrics, "saga_consumer_lag")?;
        quiescence.lag.insert(service.name(), (lag(system, service)?, own));
    }
    quiescence.parcels = parcels(system)?;
    let no_lag = quiescence.lag.values().all(|lag| *lag == (0, 0));
    Ok(no_lag && quiescence.outbox.values().all(|rows| *rows == 0) && quiescence.parcels.is_none())
}

fn metrics(system: &SystemUnderTest, service: ServiceName) -> Result<String> {
    match system.client(service).get("/metrics")?.expect_status(200)? {
        Value::String(text) => Ok(text),
        other => bail!("metrics are not text: {other}"),
    }
}

/// The sum of a gauge over its labels.
fn gauge(metrics: &str, name: &str) -> Result<u64> {
    let lines = || metrics.lines().filter(|line| line.starts_with(name));
    ensure!(lines().next().is_some(), "metric {name} not found");
    let values = lines().map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<f64>());
    let sum = values.sum::<Result<f64, _>>().with_context(|| format!("invalid value of {name}"))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of records")]
    Ok(sum as u64)
}

/// Compares bookings with shipments. A cancelled order is final before the carrier cancels its booking.
fn parcels(system: &SystemUnderTest) -> Result<Option<String>> {
    let booked = CarrierLedger::open(&system.ledger(ServiceName::Shipping))?.total()?;
    let mut expected = 0;
    for status in ["scheduled", "dispatched"] {
        expected += count(system, status)?;
    }
    let active = booked.bookings.saturating_sub(booked.unbooked);
    Ok((active != expected)
        .then(|| format!("the carrier has {active} active bookings, shipping has {expected} shipments")))
}

fn count(system: &SystemUnderTest, status: &str) -> Result<u64> {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let path = format!("/shipments?status={status}&limit=200{cursor}");
        let page = system.client(ServiceName::Shipping).get(&path)?.expect_status(200)?;
        count += page["shipments"].as_array().map_or(0, Vec::len) as u64;
        match &page["next"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return Ok(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauge_is_summed_over_labels() {
        let metrics =
            "# HELP saga_consumer_lag x\nsaga_consumer_lag{topic=\"a\"} 3\nsaga_consumer_lag{topic=\"b\"} 4\n";
        assert_eq!(gauge(metrics, "saga_consumer_lag").expect("numbers"), 7);
        assert!(gauge("saga_outbox_backlog{} much", "saga_outbox_backlog").is_err());
        assert!(gauge(metrics, "saga_outbox_backlog").is_err(), "a missing metric is not 0");
    }
}
