//! A suite of optimized services with its own topics and databases.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use catalog::{PerService, ServiceName};
use nix::sys::statvfs::statvfs;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;
use xtask::{Broker, Postgres, Suite, Workspace};

use super::databases::PostgresDatabases;
use super::disk;
use super::span_sink::SpanSink;
use super::topics::BenchTopics;

/// Longer than any backlog, so that orders that wait are not cancelled.
const ORDER_DEADLINE_S: &str = "3600";

/// File system in memory for the simulators' ledgers, because a real provider's disk is on another machine.
const MEMORY: &str = "/dev/shm";

/// Minimum free space there, in bytes.
const FREE_MIN: u64 = 2_000_000_000;

/// Running services with their topics and databases.
pub(crate) struct BenchEnvironment<'a> {
    pub(crate) suite: Suite,
    /// PostgreSQL databases; `None` for SQLite. Declared after the suite, so that they are dropped when no service uses
    /// them.
    databases: Option<PostgresDatabases<'a>>,
    /// Declared after the suite, so that topics are deleted when no service uses them.
    pub(crate) topics: BenchTopics<'a>,
    /// Directory of the simulators' ledgers; `None` if there is not enough memory.
    _ledgers: Option<TempDir>,
}

impl<'a> BenchEnvironment<'a> {
    /// Starts the services. They export telemetry to the sink if there is one.
    ///
    /// # Errors
    /// A service cannot be started.
    pub(crate) fn open(
        workspace: &Workspace,
        binaries: &Path,
        broker: &Broker,
        postgres: Option<&'a Postgres>,
        runtime: &'a Runtime,
        sink: Option<&SpanSink>,
    ) -> Result<Self> {
        let prefix = format!("bench-{}.", Uuid::now_v7().simple());
        let databases = postgres.map(|server| PostgresDatabases::create(server, runtime)).transpose()?;
        let mut suite = Suite::builder(broker.bootstrap_servers())
            .binaries(binaries)
            .data_dir(workspace.run_dir("bench")?)
            .topic_prefix(&prefix)
            .env_for(ServiceName::Order, "ORDER_DEADLINE_S", ORDER_DEADLINE_S)
            // Set also without a sink, so that this program's own environment has no effect.
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", sink.map(SpanSink::endpoint).unwrap_or_default())
            .env("OTEL_TRACES_SAMPLER", "always_on");
        let ledgers = memory_dir()?;
        for (service, provider) in ServiceName::all().filter_map(|service| Some((service, service.provider()?))) {
            let Some(dir) = &ledgers else { break };
            suite = suite.env_for(service, "SIMULATOR_DB_PATH", dir.path().join(provider.ledger).display().to_string());
        }
        if let Some(databases) = &databases {
            suite = databases.choose(suite)?;
        }
        let topics = BenchTopics::new(runtime, broker.bootstrap_servers(), &prefix);
        Ok(Self { suite: suite.start()?, databases, topics, _ledgers: ledgers })
    }

    /// Time from the start of each service until it was ready.
    pub(crate) fn ready_after(&self) -> PerService<Duration> {
        PerService::new(|service| self.suite.ready_after(service).unwrap_or_default())
    }

    /// Stops all services gracefully and returns the size of each database in bytes. SQLite files are removed,
    /// because the next measurement may need the space.
    ///
    /// # Errors
    /// A service ended early or with an error.
    pub(crate) fn close(&mut self) -> Result<PerService<u64>> {
        self.suite.ensure_running()?;
        for service in ServiceName::all() {
            let ended = self.suite.terminate(service)?;
            ensure!(ended.success(), "the {service} service exited with {ended}");
        }
        if let Some(databases) = &self.databases {
            return databases.sizes();
        }
        PerService::try_new(|service| {
            let file = self.suite.dir().join(service.name()).with_extension("db");
            let size = disk::database(&file)?;
            fs::remove_file(&file)?;
            Ok(size)
        })
    }
}

/// Creates a directory in memory. Returns `None` if there is not enough space.
fn memory_dir() -> Result<Option<TempDir>> {
    let has_space = statvfs(MEMORY).is_ok_and(|space| space.blocks_available() * space.fragment_size() >= FREE_MIN);
    has_space.then(|| tempfile::tempdir_in(MEMORY)).transpose().context("failed to create a directory in memory")
}
