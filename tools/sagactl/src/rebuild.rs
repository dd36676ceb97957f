//! `sagactl rebuild`: compares the stored status and snapshots of a service's streams with its log. Reads only, also
//! while the service runs.

use anyhow::{Context as _, Result, ensure};
use catalog::ServiceName;
use clap::Args;
use decider::{Service, StreamId};
use runtime::{AsOf, Audit, audit, audit_all, audit_now, pages::AtQuery};
use serde::Serialize;
use serde_json::Value;
use service_registry::ServiceVisitor;
use store::EventStore;

use crate::{
    exit::ExitStatus,
    output::{TableRow, counted, short},
    service,
    settings::Settings,
};

/// Maximum characters of a difference in a table.
const DIFFERENCE_CHARS: usize = 200;

#[derive(Args)]
#[command(after_help = "\
Examples:
  sagactl rebuild order --check
  sagactl rebuild inventory --stream stock-MUG --at 2026-11-25T10:00:00Z --database sqlite:/data/inventory.db")]
pub(crate) struct RebuildCommand {
    /// Service that owns the database
    #[arg(value_name = "SERVICE", value_parser = service::parser())]
    service: ServiceName,
    /// Database of the service [default: sqlite:data/<service>.db]
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database: Option<String>,
    /// Rebuild one stream, such as `stock-MUG` or `order-<id>`, and print its state
    #[arg(long, value_name = "NAME", required_unless_present = "check")]
    stream: Option<String>,
    /// Rebuild the stream as of a version (a number from 1), a time (RFC 3339) or the id of an event
    #[arg(long, value_name = "VERSION|TIME|EVENT", value_parser = point, requires = "stream")]
    at: Option<AsOf>,
    /// Rebuild all streams and print the differences; exit code 1 if there are any
    #[arg(long, conflicts_with_all = ["stream", "at"])]
    check: bool,
}

fn point(text: &str) -> Result<AsOf, String> {
    let query = AtQuery { at: Some(text.to_owned()) };
    query.up_to().map_err(|_| "neither a version nor an RFC 3339 time nor the id of an event".to_owned())
}

/// One stream, rebuilt from its log.
#[derive(Serialize)]
struct RebuiltStream {
    stream: String,
    version: u64,
    status: &'static str,
    /// Number of snapshots that were compared with the log.
    snapshots: usize,
    differences: Vec<String>,
    state: Value,
}

impl From<Audit> for RebuiltStream {
    fn from(audit: Audit) -> Self {
        let Audit { stream, version, state, status, snapshots, differences } = audit;
        let differences = differences.iter().map(ToString::to_string).collect();
        Self { stream: stream.to_string(), version, status, snapshots, differences, state }
    }
}

impl RebuiltStream {
    fn text(&self) -> String {
        let Self { stream, version, status, snapshots, differences, state } = self;
        let snapshots = counted(*snapshots as u64, "snapshot");
        let compared = format!("{stream} at version {version}: {status}; compared {snapshots}");
        let differences = differences.iter().map(|difference| format!("  difference: {difference}"));
        let lines: Vec<_> = std::iter::once(compared).chain(differences).chain([format!("{state:#}")]).collect();
        lines.join("\n")
    }
}

/// A difference between a stream's log and the data stored beside it.
#[derive(Serialize)]
struct DriftRow {
    stream: String,
    version: u64,
    difference: String,
}

impl TableRow for DriftRow {
    const HEADER: &'static [&'static str] = &["stream", "version", "difference"];
    const NUMBERS: &'static [usize] = &[1];

    fn cells(&self) -> Vec<String> {
        vec![self.stream.clone(), self.version.to_string(), short(&self.difference, DIFFERENCE_CHARS)]
    }
}

/// Result of a check over all streams.
#[derive(Default, Serialize)]
struct CheckSummary {
    streams: u64,
    events: u64,
    snapshots: usize,
    differences: Vec<DriftRow>,
}

impl CheckSummary {
    fn add(&mut self, audit: &Audit) {
        self.streams += 1;
        self.events += audit.version;
        self.snapshots += audit.snapshots;
        let (stream, version) = (audit.stream.to_string(), audit.version);
        let row =
            |found: &runtime::Difference| DriftRow { stream: stream.clone(), version, difference: found.to_string() };
        self.differences.extend(audit.differences.iter().map(row));
    }

    fn text(&self, service: ServiceName) -> String {
        let Self { streams, events, snapshots, differences } = self;
        let (streams, events) = (counted(*streams, "stream"), counted(*events, "event"));
        let compared = format!("{service}: {streams}, {events}, {}", counted(*snapshots as u64, "snapshot"));
        match differences.len() {
            0 => format!("{compared}; no differences"),
            count => {
                let differences = crate::output::table(differences);
                format!("{compared}; {}\n\n{differences}", counted(count as u64, "difference"))
            }
        }
    }
}

impl RebuildCommand {
    pub(crate) fn run(self, settings: &Settings) -> Result<ExitStatus> {
        let service = self.service;
        let rebuilt = service_registry::visit(service, Rebuild { command: self, settings });
        rebuilt.with_context(|| format!("the {service} service has no streams to rebuild"))?
    }
}

/// Rebuilds the streams of one service.
struct Rebuild<'s> {
    command: RebuildCommand,
    settings: &'s Settings,
}

impl ServiceVisitor for Rebuild<'_> {
    type Output = Result<ExitStatus>;

    fn visit<S: Service>(self) -> Self::Output {
        let Self { command: RebuildCommand { service, database, stream, at, .. }, settings } = self;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let url = database.unwrap_or_else(|| format!("sqlite:data/{service}.db"));
        // The message names no URL because a URL may contain a password; the store's errors hide it.
        let store = runtime.block_on(EventStore::open_read_only(&url)).context("failed to open the database")?;
        let Some(stream) = stream else {
            let mut checked = CheckSummary::default();
            runtime.block_on(audit_all::<S>(&store, |audit| checked.add(&audit)))?;
            settings.output.one(&checked, || checked.text(service))?;
            return Ok(ExitStatus::success_if(checked.differences.is_empty()));
        };
        let stream = StreamId::parse(stream.clone()).with_context(|| format!("invalid stream name {stream}"))?;
        let rebuilt = runtime.block_on(rebuild::<S>(&store, &stream, at))?;
        settings.output.one(&rebuilt, || rebuilt.text())?;
        Ok(ExitStatus::success_if(rebuilt.differences.is_empty()))
    }
}

async fn rebuild<S: Service>(store: &EventStore, stream: &StreamId, at: Option<AsOf>) -> Result<RebuiltStream> {
    let rebuilt = match at {
        None => audit_now::<S>(store, stream).await?,
        Some(at) => Some(audit::<S>(store, stream, at).await?),
    };
    let rebuilt = rebuilt.with_context(|| format!("there is no stream {stream}"))?;
    ensure!(rebuilt.version > 0 || !rebuilt.differences.is_empty(), "stream {stream} did not exist at that point");
    Ok(rebuilt.into())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    #[test]
    fn check_text_has_plurals_and_the_differences() {
        let clean = CheckSummary { streams: 1, events: 4, snapshots: 0, differences: vec![] };
        expect!["order: 1 stream, 4 events, 0 snapshots; no differences"].assert_eq(&clean.text(ServiceName::Order));
        let row = DriftRow { stream: "order-1".into(), version: 4, difference: "the status is wrong".into() };
        let drifted = CheckSummary { streams: 2, events: 8, snapshots: 1, differences: vec![row] };
        expect![[r#"
            order: 2 streams, 8 events, 1 snapshot; 1 difference

            stream   version  difference
            ─────────────────────────────────────
            order-1        4  the status is wrong"#]]
        .assert_eq(&drifted.text(ServiceName::Order));
    }

    #[test]
    fn stream_text_has_state_and_differences() {
        let stream = RebuiltStream {
            stream: "stock-MUG".into(),
            version: 3,
            status: "in_stock",
            snapshots: 1,
            differences: vec!["the status is wrong".into()],
            state: json!({ "on_hand": 5 }),
        };
        expect![[r#"
            stock-MUG at version 3: in_stock; compared 1 snapshot
              difference: the status is wrong
            {
              "on_hand": 5
            }"#]]
        .assert_eq(&stream.text());
    }
}
