//! Waits until the suite has nothing to do any more.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use providers::simulator::CarrierLedger;
use serde_json::Value;
use xtask::{ServiceName, wait_until};

use crate::kafka::lag;
use crate::system::SystemUnderTest;

/// What waits, in its service's own words. Everything else is an end, or waits for nothing.
const IN_PROGRESS: [(ServiceName, &str, &[&str]); 3] = [
    (ServiceName::Order, "orders", &["placed", "stock_reserved", "paid", "stock_committed", "cancelling"]),
    (ServiceName::Payment, "payments", &["charging", "voiding", "refunding"]),
    (ServiceName::Shipping, "shipments", &["booking"]),
];
/// Longer than a gauge is old, or an offset not committed.
pub(crate) const SETTLING: Duration = Duration::from_secs(30);

/// Whether and when the suite came to rest after the faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quiescence {
    /// How long after the last fault was over every order, payment and shipment was at an end. Those count, too, that were
    /// placed since then.
    pub final_after: Option<Duration>,
    /// What was still under way when waiting ended.
    pub in_progress: Vec<String>,
    /// Parcels that the carrier will fetch and should not, or the other way round; seen when waiting ended.
    pub parcels: Option<String>,
    /// What is in each service's outbox.
    pub outbox: BTreeMap<&'static str, u64>,
    /// Why it is not known of every service how many records it has yet to do.
    pub unreported: Option<String>,
    /// How many records each service has yet to do: by the broker, then by itself.
    pub lag: BTreeMap<&'static str, (i64, u64)>,
}

/// Waits until all is final, for at most `within` after the last fault, then at most `settling` until it is also settled.
///
/// # Errors
/// A service can't be asked at all.
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
    // What was not reached in time is told by what was seen last; so that is no error here. No service's word is the newest:
    // its gauges are some seconds old.
    let settled = wait_until("the suite to settle", settling, || match settle(system, &mut quiescence) {
        Ok(true) => Ok(()),
        Ok(false) => Err("something is left".to_owned()),
        Err(error) => Err(format!("{error:#}")),
    });
    if quiescence.lag.len() < ServiceName::all().len() {
        quiescence.unreported = settled.err().map(|error| format!("{error:#}"));
    }
    Ok(quiescence)
}

fn in_progress(system: &SystemUnderTest) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (service, list, statuses) in IN_PROGRESS {
        for status in statuses {
            let page = system.client(service).get(&format!("/{list}?status={status}&limit=200"))?.expect_status(200)?;
            let items = page[list].as_array().context("a list")?;
            if !items.is_empty() {
                let first = items[0]["order_id"].as_str().unwrap_or_default();
                found.push(format!("{} {list} are {status}, such as {first}", items.len()));
            }
        }
    }
    Ok(found)
}

/// Looks at what follows the ends of orders; true when nothing does any more.
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
        other => bail!("metrics are no text: {other}"),
    }
}

/// The sum of a gauge over its labels.
fn gauge(metrics: &str, name: &str) -> Result<u64> {
    let lines = || metrics.lines().filter(|line| line.starts_with(name));
    ensure!(lines().next().is_some(), "there is no {name}");
    let values = lines().map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<f64>());
    let sum = values.sum::<Result<f64, _>>().with_context(|| format!("a value of {name}"))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of records")]
    Ok(sum as u64)
}

/// The carrier hears of a cancellation after the order does.
fn parcels(system: &SystemUnderTest) -> Result<Option<String>> {
    let booked = CarrierLedger::open(&system.ledger(ServiceName::Shipping))?.total()?;
    let mut expected = 0;
    for status in ["scheduled", "dispatched"] {
        expected += count(system, status)?;
    }
    let active = booked.bookings.saturating_sub(booked.unbooked);
    Ok((active != expected).then(|| format!("the carrier will fetch {active} parcels, shipping has {expected}")))
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
    fn a_gauge_is_summed_over_its_labels() {
        let metrics =
            "# HELP saga_consumer_lag x\nsaga_consumer_lag{topic=\"a\"} 3\nsaga_consumer_lag{topic=\"b\"} 4\n";
        assert_eq!(gauge(metrics, "saga_consumer_lag").expect("numbers"), 7);
        assert!(gauge("saga_outbox_backlog{} much", "saga_outbox_backlog").is_err());
        assert!(gauge(metrics, "saga_outbox_backlog").is_err(), "what is not told is not 0");
    }
}
