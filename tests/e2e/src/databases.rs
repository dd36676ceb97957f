//! The services on PostgreSQL, with several instances of each.

use std::sync::OnceLock;

use catalog::{PerService, ServiceName};
use tokio_postgres::NoTls;
use uuid::Uuid;
use xtask::{
    Postgres, Progress, Suite, Workspace, broker_from_env,
    postgres::{Durability, with_database},
    suite::Builder,
};

use crate::{blocking::block_on, cluster::TestCluster};

/// One new database for each service.
pub struct Databases {
    urls: PerService<String>,
}

impl Databases {
    /// Creates the databases on the server that `TEST_DATABASE_URL` names, otherwise on a server of this test run.
    #[track_caller]
    pub fn create() -> Self {
        static SERVER: OnceLock<Postgres> = OnceLock::new();
        let server = SERVER.get_or_init(|| {
            let workspace = Workspace::find().expect("the workspace is found");
            Postgres::obtain(&workspace, Durability::UntilItStops, Progress::quiet()).expect("PostgreSQL is available")
        });
        Self::create_on(server)
    }

    /// Creates the databases on this server.
    #[track_caller]
    pub fn create_on(server: &Postgres) -> Self {
        let run = Uuid::now_v7().simple();
        let names = PerService::new(|service| format!("{service}_{run}"));
        block_on(create(server.url(), names.values())).expect("databases are created");
        let url = |service| with_database(server.url(), &names[service]).expect("the server's URL is valid");
        Self { urls: PerService::new(url) }
    }

    /// `DATABASE_URL` of each service.
    pub fn urls(&self) -> impl Iterator<Item = (ServiceName, &str)> {
        self.urls.iter().map(|(service, url)| (service, url.as_str()))
    }

    /// Configures a suite to use these databases. Kafka removes an unresponsive instance after six seconds.
    pub fn configure(&self, suite: Builder) -> Builder {
        let suite = suite.env("KAFKA_SESSION_TIMEOUT_MS", "6000");
        self.urls().fold(suite, |suite, (service, url)| suite.env_for(service, "DATABASE_URL", url))
    }

    /// Starts another instance of each service beside the cluster's, with this `INSTANCE_ID`.
    #[track_caller]
    pub fn start_instance(
        &self,
        cluster: &TestCluster,
        instance: u32,
        configure: impl FnOnce(Builder) -> Builder,
    ) -> Suite {
        let broker = broker_from_env().expect("a broker is available");
        let suite = Suite::builder(broker)
            .topic_prefix(cluster.topic_prefix())
            .env_for(ServiceName::Order, "ORDER_DEADLINE_S", "600")
            .instance(instance, cluster.data_dir());
        configure(self.configure(suite)).start().expect("another instance starts")
    }
}

async fn create(server: &str, names: impl Iterator<Item = &String>) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(server, NoTls).await?;
    tokio::spawn(connection);
    for name in names {
        client.batch_execute(&format!("CREATE DATABASE {name}")).await?;
    }
    Ok(())
}
