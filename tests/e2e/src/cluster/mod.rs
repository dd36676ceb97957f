//! A running suite, as customers, clerks and operators see it.

mod http;
mod orders;
mod processes;
mod products;
mod provider_effects;
mod supervisor;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use catalog::{PerService, ServiceName};
use store::{EventStore, Store as _};
use uuid::Uuid;
use xtask::{Client, Suite, broker_from_env, suite::Builder};

use crate::{blocking::block_on, records::TestTopics};

pub use orders::order_id;
pub use products::unused_sku;

/// A suite with its own topics, ports and data, isolated from other suites on the same broker.
pub struct TestCluster {
    suite: Mutex<Suite>,
    clients: PerService<Client>,
    data_dir: PathBuf,
    /// After the suite, because topics are deleted once their users have ended.
    topics: TestTopics,
}

impl TestCluster {
    /// Starts all services.
    #[track_caller]
    pub fn launch() -> Self {
        Self::launch_with(|suite| suite)
    }

    /// Starts all services with some settings changed.
    #[track_caller]
    pub fn launch_with(configure: impl FnOnce(Builder) -> Builder) -> Self {
        Self::launch_on(&broker_from_env().expect("a broker is available"), configure)
    }

    /// Starts all services on this broker.
    #[track_caller]
    pub fn launch_on(broker: &str, configure: impl FnOnce(Builder) -> Builder) -> Self {
        let prefix = format!("e2e-{}.", Uuid::now_v7().simple());
        // Longer than any test, so that deadlines pass only in tests of deadlines.
        let suite = Suite::builder(broker).topic_prefix(&prefix).env_for(ServiceName::Order, "ORDER_DEADLINE_S", "600");
        let suite = configure(suite).start().expect("the suite starts");
        Self {
            clients: PerService::new(|service| suite.client(service)),
            data_dir: suite.dir().to_owned(),
            topics: TestTopics::new(broker, &prefix),
            suite: Mutex::new(suite),
        }
    }

    /// Terminates all services and asserts that each exits successfully with an empty outbox.
    #[track_caller]
    pub fn shut_down(self) {
        for service in ServiceName::all() {
            let ended = self.terminate(service);
            assert!(ended.success(), "{service} ended with {ended}");
            assert_eq!(self.unpublished(service), 0, "{service} publishes everything before it ends");
        }
    }

    fn suite(&self) -> MutexGuard<'_, Suite> {
        self.suite.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// URL of a service's database.
    pub fn database_url(&self, service: ServiceName) -> String {
        self.suite().database_url(service).to_owned()
    }

    /// Number of a service's public events that are not published yet.
    #[track_caller]
    pub fn unpublished(&self, service: ServiceName) -> u64 {
        let url = self.database_url(service);
        let unpublished = block_on(async { EventStore::open_url(&url).await?.unpublished().await });
        unpublished.expect("the log is readable").count
    }

    /// Number of a service's published dead letters that are neither redriven nor discarded.
    #[track_caller]
    pub fn published_letters(&self, service: ServiceName) -> u64 {
        let url = self.database_url(service);
        let count = block_on(async { EventStore::open_url(&url).await?.published_letters_len().await });
        count.expect("the dead letters are counted")
    }

    /// Prefix of the topics' names.
    pub fn topic_prefix(&self) -> &str {
        self.topics.prefix()
    }

    /// Directory of databases, logs and ledgers.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Topics of this suite.
    pub fn topics(&self) -> &TestTopics {
        &self.topics
    }
}
