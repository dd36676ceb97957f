//! `sagactl backlog`: what waits in each service, by its metrics, and the dead letters that are open.

use anyhow::{Context as _, Result};
use clap::Args;
use contracts::ServiceName;
use serde::Serialize;

use crate::{
    Verdict, dead_letters,
    output::Row,
    service::{self, parts},
    settings::Settings,
};

#[derive(Args)]
#[command(after_help = "The numbers of a service are as of two seconds ago. Exit code 1 if a service did not answer.")]
pub(crate) struct Backlog {
    /// What waits in one service.
    #[arg(long, value_name = "SERVICE", value_parser = service::parser())]
    service: Option<ServiceName>,
}

/// What waits in a service; nothing where it did not say.
#[derive(Debug, Serialize)]
struct Line {
    service: &'static str,
    /// Events that are committed and not published.
    outbox: Option<f64>,
    /// How long the oldest of them has waited.
    outbox_oldest_s: Option<f64>,
    /// Calls to a provider that are not answered.
    open_calls: Option<f64>,
    /// Records that are tried again later.
    parked: Option<f64>,
    /// Deadlines that have passed and were not looked at.
    due_timers: Option<f64>,
    /// Dead letters about which nothing was done.
    dead_letters: usize,
    /// Why the service did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Row for Line {
    const HEADER: &'static [&'static str] =
        &["service", "outbox", "oldest s", "open calls", "parked", "due timers", "dead letters", "error"];
    const NUMBERS: &'static [usize] = &[1, 2, 3, 4, 5, 6];

    fn cells(&self) -> Vec<String> {
        let number = |number: Option<f64>| number.map_or("?".to_owned(), |number| number.to_string());
        let oldest = self.outbox_oldest_s.map_or("?".to_owned(), |seconds| format!("{seconds:.1}"));
        vec![
            self.service.to_owned(),
            number(self.outbox),
            oldest,
            number(self.open_calls),
            number(self.parked),
            number(self.due_timers),
            self.dead_letters.to_string(),
            self.error.clone().unwrap_or_default(),
        ]
    }
}

impl Backlog {
    pub(crate) fn run(self, settings: &Settings) -> Result<Verdict> {
        let services: Vec<_> = parts(self.service).map(|part| part.owner).collect();
        let letters = dead_letters::read(settings, &services).context("the dead letters can't be counted")?;
        let open = |service| letters.iter().filter(|letter| letter.id.service == service && letter.is_open()).count();
        let line = |service| Line::new(settings, service, open(service));
        let lines: Vec<_> = services.into_iter().map(line).collect();
        settings.output.rows(&lines, "no services")?;
        Ok(Verdict::good_if(lines.iter().all(|line| line.error.is_none())))
    }
}

impl Line {
    fn new(settings: &Settings, service: ServiceName, dead_letters: usize) -> Self {
        let (metrics, error) = match settings.client(service).text("/metrics") {
            Ok(metrics) => (metrics, None),
            Err(error) => (String::new(), Some(format!("{error:#}"))),
        };
        Self {
            service: service.name(),
            outbox: sum(&metrics, "saga_outbox_backlog"),
            outbox_oldest_s: sum(&metrics, "saga_outbox_oldest_age_seconds"),
            open_calls: sum(&metrics, "saga_provider_calls_open"),
            parked: sum(&metrics, "saga_parked_backlog"),
            due_timers: sum(&metrics, "saga_timers_due"),
            dead_letters,
            error,
        }
    }
}

/// The sum of a metric's series in the Prometheus text format; `None` when it has none.
fn sum(metrics: &str, name: &str) -> Option<f64> {
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let is_this_one = rest.starts_with(['{', ' ']);
        // Labels may have spaces in them; the value is the last word, for the services give no timestamps.
        if is_this_one { rest.rsplit(' ').next()?.parse::<f64>().ok() } else { None }
    };
    metrics.lines().filter_map(value).fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_the_sum_of_its_series_and_of_no_other() {
        let metrics = "# HELP saga_outbox_backlog Rows\n# TYPE saga_outbox_backlog gauge\n\
                       saga_outbox_backlog{otel_scope_name=\"a b\"} 3\nsaga_outbox_backlog 4\n\
                       saga_outbox_backlog_other 100\n";
        assert_eq!(sum(metrics, "saga_outbox_backlog"), Some(7.0));
        assert_eq!(sum(metrics, "saga_timers_due"), None);
    }
}
