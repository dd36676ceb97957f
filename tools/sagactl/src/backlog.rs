//! `sagactl backlog`: work that waits in each service, from its metrics, and its open dead letters.

use anyhow::{Context as _, Result};
use catalog::ServiceName;
use clap::Args;
use serde::Serialize;

use crate::{
    dead_letters,
    exit::ExitStatus,
    output::TableRow,
    service::{self, selected},
    settings::Settings,
};

#[derive(Args)]
#[command(after_help = "\
The services update these metrics every two seconds. Exit code 1 if a service is unavailable.")]
pub(crate) struct BacklogCommand {
    /// Only this service
    #[arg(long, value_name = "SERVICE", value_parser = service::parser())]
    service: Option<ServiceName>,
}

/// Work that waits in a service. `None`: the service did not report the metric.
#[derive(Debug, Serialize)]
struct BacklogRow {
    service: &'static str,
    /// Events that are committed but not published.
    outbox: Option<f64>,
    /// Age of the oldest unpublished event.
    outbox_oldest_s: Option<f64>,
    /// Provider calls without a response.
    open_calls: Option<f64>,
    /// Records that wait for a retry.
    parked: Option<f64>,
    /// Timers that are due and have not fired.
    due_timers: Option<f64>,
    /// Dead letters that are neither redriven nor discarded.
    dead_letters: usize,
    /// Reason why the metrics are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl TableRow for BacklogRow {
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

impl BacklogCommand {
    pub(crate) fn run(self, settings: &Settings) -> Result<ExitStatus> {
        let services = selected(self.service);
        let letters = dead_letters::read(settings, &services).context("failed to count dead letters")?;
        let open = |service| letters.iter().filter(|letter| letter.id.service == service && letter.is_open()).count();
        let rows: Vec<_> =
            services.into_iter().map(|service| BacklogRow::read(settings, service, open(service))).collect();
        settings.output.rows(&rows, "no services")?;
        Ok(ExitStatus::success_if(rows.iter().all(|row| row.error.is_none())))
    }
}

impl BacklogRow {
    fn read(settings: &Settings, service: ServiceName, dead_letters: usize) -> Self {
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

/// Sum of a metric's series in the Prometheus text format. `None` if the metric has no series.
fn sum(metrics: &str, name: &str) -> Option<f64> {
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let is_this_metric = rest.starts_with(['{', ' ']);
        // Labels may contain spaces. The value is the last word because the services write no timestamps.
        if is_this_metric { rest.rsplit(' ').next()?.parse::<f64>().ok() } else { None }
    };
    metrics.lines().filter_map(value).fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::output::table;

    #[test]
    fn sum_adds_all_series_of_one_metric() {
        let metrics = "# HELP saga_outbox_backlog Rows\n# TYPE saga_outbox_backlog gauge\n\
                       saga_outbox_backlog{otel_scope_name=\"a b\"} 3\nsaga_outbox_backlog 4\n\
                       saga_outbox_backlog_other 100\n";
        assert_eq!(sum(metrics, "saga_outbox_backlog"), Some(7.0));
        assert_eq!(sum(metrics, "saga_timers_due"), None);
    }

    #[test]
    fn table_shows_missing_metrics_as_question_marks() {
        let answered = BacklogRow {
            service: "order",
            outbox: Some(3.0),
            outbox_oldest_s: Some(0.25),
            open_calls: Some(0.0),
            parked: Some(1.0),
            due_timers: Some(0.0),
            dead_letters: 2,
            error: None,
        };
        let unavailable = BacklogRow {
            service: "inventory",
            outbox: None,
            outbox_oldest_s: None,
            open_calls: None,
            parked: None,
            due_timers: None,
            dead_letters: 0,
            error: Some("connection refused".to_owned()),
        };
        expect![[r#"
            service    outbox  oldest s  open calls  parked  due timers  dead letters  error
            ─────────────────────────────────────────────────────────────────────────────────────────────
            order           3       0.2           0       1           0             2
            inventory       ?         ?           ?       ?           ?             0  connection refused"#]]
        .assert_eq(&table(&[answered, unavailable]));
    }
}
