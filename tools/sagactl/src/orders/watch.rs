//! `sagactl orders watch`

use std::{io::BufRead, thread, time::Duration};

use anyhow::{Context as _, Result};
use catalog::ServiceName;
use clap::Args;
use contracts::OrderId;
use serde::{Deserialize, Serialize};

use super::{
    sse,
    summary::{OrderSummary, is_final, time_of_day},
};
use crate::{
    exit::ExitStatus,
    http::{HttpClient, UnexpectedStatus},
    settings::Settings,
};

/// Backoff before the first attempt to reconnect.
const BACKOFF_MIN: Duration = Duration::from_millis(200);
/// Maximum backoff.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

#[derive(Args)]
pub(crate) struct WatchOrder {
    /// Order id
    order: OrderId,
}

/// An event of an order, as the order service streams it.
#[derive(Debug, Deserialize, Serialize)]
struct WatchedEvent {
    time: String,
    service: String,
    event: String,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caused_by: Option<String>,
    /// Status of the order after the event.
    status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl WatchedEvent {
    fn text(&self) -> String {
        let Self { service, event, status, .. } = self;
        let reason = self.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{}  {service:<9}  {event:<27}  {status}{reason}", time_of_day(&self.time))
    }
}

impl WatchOrder {
    pub(super) fn run(self, settings: &Settings) -> Result<ExitStatus> {
        let client = settings.client(ServiceName::Order);
        let watch = OrderWatch { settings, client: &client, order: self.order };
        let mut last = None;
        let mut backoff = BACKOFF_MIN;
        // Only the first connection fails at once if the service is unavailable. After it, the command reconnects.
        let mut stream = watch.open(None)?;
        loop {
            let seen = last.clone();
            if watch.follow(&mut stream, &mut last)? {
                return Ok(ExitStatus::Success);
            }
            if seen != last {
                backoff = BACKOFF_MIN;
            }
            stream = loop {
                let last = last.as_deref();
                eprintln!("sagactl: connection lost, reconnecting after event {}", last.unwrap_or("0"));
                thread::sleep(backoff);
                backoff = (backoff * 2).min(BACKOFF_MAX);
                match watch.open(last) {
                    Ok(stream) => break stream,
                    Err(error)
                        if error.downcast_ref::<UnexpectedStatus>().is_some_and(UnexpectedStatus::is_permanent) =>
                    {
                        return Err(error);
                    }
                    Err(_) => {}
                }
            };
        }
    }
}

/// Watch over one order.
struct OrderWatch<'w> {
    settings: &'w Settings,
    client: &'w HttpClient,
    order: OrderId,
}

impl OrderWatch<'_> {
    fn open(&self, last: Option<&str>) -> Result<impl BufRead + use<>> {
        self.client.stream(&format!("/orders/{}/events", self.order), last)
    }

    /// Prints events. Returns `true` when the order is final and `false` when the connection is lost.
    fn follow(&self, stream: &mut impl BufRead, last: &mut Option<String>) -> Result<bool> {
        while let Ok(Some(message)) = sse::next(stream) {
            let event: WatchedEvent = serde_json::from_str(&message.data)
                .with_context(|| format!("failed to read the event {}", message.data))?;
            self.settings.output.line(&event, || event.text())?;
            *last = message.id.or(last.take());
            if is_final(&event.status) && self.is_still(&event.status) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether the order has this status now. The stream starts in the past, and a confirmed order may have
    /// been cancelled since.
    fn is_still(&self, status: &str) -> bool {
        let now: Result<OrderSummary> = self.client.get(&format!("/orders/{}", self.order));
        now.is_ok_and(|order| order.status == status)
    }
}
