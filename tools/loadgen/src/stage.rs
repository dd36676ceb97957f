//! One suite to measure: optimized services with topics and databases of their own.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::runtime::Runtime;
use uuid::Uuid;
use xtask::{Broker, PerService, Postgres, ServiceName, Suite, Workspace};

use crate::databases::Databases;
use crate::disk;
use crate::sink::Sink;
use crate::topics::Topics;

/// Longer than any backlog lasts: an order that waits its turn is not to be cancelled for it.
const ORDER_DEADLINE_S: &str = "3600";

/// The services and their topics.
pub(crate) struct Stage<'a> {
    pub(crate) suite: Suite,
    /// After the suite, so that they are dropped when nobody uses them any more; none: SQLite's.
    databases: Option<Databases<'a>>,
    /// After the suite, so that topics are deleted when nobody uses them any more.
    pub(crate) topics: Topics<'a>,
}

impl<'a> Stage<'a> {
    /// Starts the services; they export to the sink if there is one.
    ///
    /// # Errors
    /// A service can't be started.
    pub(crate) fn open(
        workspace: &Workspace,
        broker: &Broker,
        postgres: Option<&'a Postgres>,
        runtime: &'a Runtime,
        sink: Option<&Sink>,
    ) -> Result<Self> {
        let prefix = format!("bench-{}.", Uuid::now_v7().simple());
        let databases = postgres.map(|server| Databases::create(server, runtime)).transpose()?;
        let mut suite = Suite::builder(broker.bootstrap_servers())
            .binaries(workspace.target().join("release"))
            .data_dir(workspace.run_dir("bench")?)
            .topic_prefix(&prefix)
            .env_for(ServiceName::Order, "ORDER_DEADLINE_S", ORDER_DEADLINE_S)
            // Whatever this program's own environment says.
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", sink.map(Sink::endpoint).unwrap_or_default())
            .env("OTEL_TRACES_SAMPLER", "always_on");
        if let Some(databases) = &databases {
            suite = databases.choose(suite)?;
        }
        let topics = Topics::new(runtime, broker.bootstrap_servers(), &prefix);
        Ok(Self { suite: suite.start()?, databases, topics })
    }

    /// From the start of each service until it said that it was ready.
    pub(crate) fn ready_after(&self) -> PerService<Duration> {
        PerService::new(|service| self.suite.ready_after(service).unwrap_or_default())
    }

    /// Ends all services in good order, and tells the size of each one's database in bytes. Files are removed then: the next
    /// measurement may need their room.
    ///
    /// # Errors
    /// One had ended before, or does not end well.
    pub(crate) fn databases_at_the_end(&mut self) -> Result<PerService<u64>> {
        self.suite.ensure_running()?;
        for service in ServiceName::all() {
            let ended = self.suite.terminate(service)?;
            ensure!(ended.success(), "the {service} service ended with {ended}");
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
