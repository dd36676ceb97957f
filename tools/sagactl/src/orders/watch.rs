//! `sagactl orders watch`

use std::{io::BufRead, thread, time::Duration};

use anyhow::{Context as _, Result};
use clap::Args;
use contracts::{OrderId, ServiceName};
use serde::{Deserialize, Serialize};

use super::{Order, is_final, sse, time_of_day};
use crate::{
    Verdict,
    http::{Client, NotOk},
    settings::Settings,
};

/// The first wait after a connection was lost.
const WAIT_MIN: Duration = Duration::from_millis(200);
/// The longest such wait.
const WAIT_MAX: Duration = Duration::from_secs(5);

#[derive(Args)]
pub(crate) struct Watch {
    /// Which one.
    order: OrderId,
}

/// Something that happened to an order, as the order service streams it.
#[derive(Debug, Deserialize, Serialize)]
struct Happening {
    time: String,
    service: String,
    event: String,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caused_by: Option<String>,
    status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Happening {
    fn text(&self) -> String {
        let Self { service, event, status, .. } = self;
        let reason = self.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{}  {service:<9}  {event:<27}  {status}{reason}", time_of_day(&self.time))
    }
}

impl Watch {
    pub(super) fn run(self, settings: &Settings) -> Result<Verdict> {
        let client = settings.client(ServiceName::Order);
        let watching = Watching { settings, client: &client, order: self.order };
        let mut last = None;
        let mut wait = WAIT_MIN;
        // That there is such a service, and such an order, is found out once; after that the service is waited for.
        let mut stream = watching.open(None)?;
        loop {
            let seen = last.clone();
            if watching.follow(&mut stream, &mut last)? {
                return Ok(Verdict::Good);
            }
            if seen != last {
                wait = WAIT_MIN;
            }
            stream = loop {
                eprintln!("sagactl: the connection is lost; it goes on after event {}", last.as_deref().unwrap_or("0"));
                thread::sleep(wait);
                wait = (wait * 2).min(WAIT_MAX);
                match watching.open(last.as_deref()) {
                    Ok(stream) => break stream,
                    Err(error) if error.downcast_ref::<NotOk>().is_some_and(NotOk::is_permanent) => return Err(error),
                    Err(_) => {}
                }
            };
        }
    }
}

/// Who watches which order.
struct Watching<'w> {
    settings: &'w Settings,
    client: &'w Client,
    order: OrderId,
}

impl Watching<'_> {
    fn open(&self, last: Option<&str>) -> Result<impl BufRead + use<>> {
        self.client.stream(&format!("/orders/{}/events", self.order), last)
    }

    /// Tells what happens until the order is final (true) or the connection is lost (false).
    fn follow(&self, stream: &mut impl BufRead, last: &mut Option<String>) -> Result<bool> {
        while let Ok(Some(message)) = sse::next(stream) {
            let happening: Happening = serde_json::from_str(&message.data)
                .with_context(|| format!("an event that can't be read: {}", message.data))?;
            self.settings.output.line(&happening, || happening.text())?;
            *last = message.id.or(last.take());
            if is_final(&happening.status) && self.is_still(&happening.status) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What is told may be long ago: a confirmed order may have been cancelled since.
    fn is_still(&self, status: &str) -> bool {
        let now: Result<Order> = self.client.get(&format!("/orders/{}", self.order));
        now.is_ok_and(|order| order.status == status)
    }
}
