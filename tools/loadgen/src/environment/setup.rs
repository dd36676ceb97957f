//! A suite of optimized services with its own topics and databases.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use catalog::{PerService, ServiceName};
use tokio::runtime::Runtime;
use uuid::Uuid;
use xtask::{Broker, Postgres, Suite, Workspace};

use super::databases::PostgresDatabases;
use super::disk;
use super::span_sink::SpanSink;
use super::topics::BenchTopics;

/// Longer than any backlog, so that orders that wait are not cancelled.
const ORDER_DEADLINE_S: &str = "3600";

/// Running services with their topics and databases.
pub(crate) struct BenchEnvironment<'a> {
    pub(crate) suite: Suite,
    /// PostgreSQL databases; `None` for SQLite. Declared after the suite, so that they are dropped when no service uses
    /// them.
    databases: Option<PostgresDatabases<'a>>,
    /// Declared after the suite, so that topics are deleted when no service uses them.
    pub(crate) topics: BenchTopics<'a>,
}

impl<'a> BenchEnvironment<'a> {
    /// Starts the services. They export telemetry to the sink if there is one.
    ///
    /// # Errors
    /// A service cannot be started.
    pub(crate) fn open(
        workspace: &Workspace,
        broker: &Broker,
        postgres: Option<&'a Postgres>,
        runtime: &'a Runtime,
        sink: Option<&SpanSink>,
    ) -> Result<Self> {
        let prefix = format!("bench-{}.", Uuid::now_v7().simple());
        let databases = postgres.map(|server| PostgresDatabases::create(server, runtime)).transpose()?;
        let mut suite = Suite::builder(broker.bootstrap_servers())
            .binaries(workspace.target().join("release"))
            .data_dir(workspace.run_dir("bench")?)
            .topic_prefix(&prefix)
            .env_for(ServiceName::Order, "ORDER_DEADLINE_S", ORDER_DEADLINE_S)
            // Set also without a sink, so that this program's own environment has no effect.
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", sink.map(SpanSink::endpoint).unwrap_or_default())
            .env("OTEL_TRACES_SAMPLER", "always_on");
        if let Some(databases) = &databases {
            suite = databases.choose(suite)?;
        }
        let topics = BenchTopics::new(runtime, broker.bootstrap_servers(), &prefix);
        Ok(Self { suite: suite.start()?, databases, topics })
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
