//! `sagactl rebuild`: what a service's log says, held against what its database keeps beside it. Only reads, also while the
//! service runs.

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use contracts::ServiceName;
use decider::{Service, StreamId};
use inventory::decider::Inventory;
use order::decider::Order;
use payment::decider::Payment;
use runtime::{AsOf, Audit, audit, audit_all, audit_now, pages::AtQuery};
use serde::Serialize;
use serde_json::Value;
use shipping::decider::Shipping;
use store::EventStore;

use crate::{
    Verdict,
    output::{Row, short},
    service,
    settings::Settings,
};

/// Characters of a difference in a table.
const DIFFERENCE_CHARS: usize = 200;

#[derive(Args)]
#[command(after_help = "\
Examples:
  sagactl rebuild order --check
  sagactl rebuild inventory --stream stock-MUG --at 2026-11-25T10:00:00Z --database sqlite:/data/inventory.db")]
pub(crate) struct Rebuild {
    /// Whose database it is.
    #[arg(value_name = "SERVICE", value_parser = service::parser())]
    service: ServiceName,
    /// The service's database [default: sqlite:data/<service>.db].
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database: Option<String>,
    /// Rebuild one stream, such as `stock-MUG` or `order-<id>`, and show its state.
    #[arg(long, value_name = "NAME", required_unless_present = "check")]
    stream: Option<String>,
    /// As it was: a version (a number from 1) or a time (RFC 3339).
    #[arg(long, value_name = "VERSION|TIME", value_parser = point, requires = "stream")]
    at: Option<AsOf>,
    /// Rebuild all streams and tell those that differ; exit code 1 if there is one.
    #[arg(long, conflicts_with_all = ["stream", "at"])]
    check: bool,
}

fn point(text: &str) -> Result<AsOf, String> {
    let query = AtQuery { at: Some(text.to_owned()) };
    query.up_to().map_err(|_| "is neither a version nor an RFC 3339 time".to_owned())
}

/// One stream as its log has it.
#[derive(Serialize)]
struct Rebuilt {
    stream: String,
    version: u64,
    status: &'static str,
    /// How many snapshots were compared.
    snapshots: usize,
    differences: Vec<String>,
    state: Value,
}

impl From<Audit> for Rebuilt {
    fn from(audit: Audit) -> Self {
        let Audit { stream, version, state, status, snapshots, differences } = audit;
        let differences = differences.iter().map(ToString::to_string).collect();
        Self { stream: stream.to_string(), version, status, snapshots, differences, state }
    }
}

impl Rebuilt {
    fn text(&self) -> String {
        let Self { stream, version, status, snapshots, differences, state } = self;
        let compared = format!("{stream} at version {version}: {status}; {snapshots} snapshots compared");
        let differences = differences.iter().map(|difference| format!("  differs: {difference}"));
        let lines: Vec<_> = std::iter::once(compared).chain(differences).chain([format!("{state:#}")]).collect();
        lines.join("\n")
    }
}

/// A stream that is not what its log says.
#[derive(Serialize)]
struct Differing {
    stream: String,
    version: u64,
    difference: String,
}

impl Row for Differing {
    const HEADER: &'static [&'static str] = &["stream", "version", "difference"];
    const NUMBERS: &'static [usize] = &[1];

    fn cells(&self) -> Vec<String> {
        vec![self.stream.clone(), self.version.to_string(), short(&self.difference, DIFFERENCE_CHARS)]
    }
}

/// What a check found.
#[derive(Default, Serialize)]
struct Checked {
    streams: usize,
    events: u64,
    snapshots: usize,
    differences: Vec<Differing>,
}

impl Checked {
    fn add(&mut self, audit: &Audit) {
        self.streams += 1;
        self.events += audit.version;
        self.snapshots += audit.snapshots;
        let (stream, version) = (audit.stream.to_string(), audit.version);
        let difference =
            |found: &runtime::Difference| Differing { stream: stream.clone(), version, difference: found.to_string() };
        self.differences.extend(audit.differences.iter().map(difference));
    }

    fn text(&self, database: &str) -> String {
        let Self { streams, events, snapshots, differences } = self;
        let compared = format!("{database}: {streams} streams with {events} events and {snapshots} snapshots");
        match differences.len() {
            0 => format!("{compared}; all is as the log says"),
            count => format!("{compared}; {count} differences\n\n{}", crate::output::table(differences)),
        }
    }
}

impl Rebuild {
    pub(crate) fn run(self, settings: &Settings) -> Result<Verdict> {
        match self.service {
            ServiceName::Order => self.run_for::<Order>(settings),
            ServiceName::Inventory => self.run_for::<Inventory>(settings),
            ServiceName::Payment => self.run_for::<Payment>(settings),
            ServiceName::Shipping => self.run_for::<Shipping>(settings),
        }
    }

    fn run_for<S: Service>(self, settings: &Settings) -> Result<Verdict> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let url = self.database.unwrap_or_else(|| format!("sqlite:data/{}.db", self.service.name()));
        // A URL may hold a password, so what is shown of it is what the store's errors show.
        let store = runtime.block_on(EventStore::open_read_only(&url)).context("the database can't be opened")?;
        let Some(stream) = self.stream else {
            let mut checked = Checked::default();
            runtime.block_on(audit_all::<S>(&store, |audit| checked.add(&audit)))?;
            settings.output.one(&checked, || checked.text(self.service.name()))?;
            return Ok(Verdict::good_if(checked.differences.is_empty()));
        };
        let named = StreamId::parse(stream.clone()).with_context(|| format!("{stream} is no name of a stream"))?;
        let rebuilt = runtime.block_on(rebuild::<S>(&store, &named, self.at))?;
        settings.output.one(&rebuilt, || rebuilt.text())?;
        Ok(Verdict::good_if(rebuilt.differences.is_empty()))
    }
}

async fn rebuild<S: Service>(store: &EventStore, stream: &StreamId, at: Option<AsOf>) -> Result<Rebuilt> {
    let rebuilt = match at {
        None => audit_now::<S>(store, stream).await?,
        Some(at) => Some(audit::<S>(store, stream, at).await?),
    };
    let rebuilt = rebuilt.with_context(|| format!("there is no stream {stream}"))?;
    ensure!(rebuilt.version > 0 || !rebuilt.differences.is_empty(), "there was no stream {stream} then");
    Ok(rebuilt.into())
}
