//! The services on PostgreSQL, and several instances of each.

use std::sync::OnceLock;

use tokio_postgres::NoTls;
use uuid::Uuid;
use xtask::{
    PerService, Postgres, Progress, ServiceName, Suite, Workspace, broker_from_env,
    postgres::{Durability, with_database},
    suite::Builder,
};

use crate::{Shop, must, records::runtime};

/// Databases of their own, one for each service.
pub struct Databases {
    urls: PerService<String>,
}

impl Databases {
    /// New ones on the server that `TEST_DATABASE_URL` names, else on one of this run, which ends with it.
    #[track_caller]
    pub fn create() -> Self {
        static SERVER: OnceLock<Postgres> = OnceLock::new();
        let server = SERVER.get_or_init(|| {
            must(Postgres::obtain(&must(Workspace::find()), Durability::UntilItStops, Progress::quiet()))
        });
        Self::create_on(server)
    }

    /// New ones on this server.
    #[track_caller]
    pub fn create_on(server: &Postgres) -> Self {
        let run = Uuid::now_v7().simple();
        let names = PerService::new(|service| format!("{service}_{run}"));
        must(runtime().block_on(create(server.url(), names.values().map(String::as_str))));
        Self { urls: PerService::new(|service| must(with_database(server.url(), &names[service]))) }
    }

    /// What each service is told of its database.
    pub fn urls(&self) -> impl Iterator<Item = (ServiceName, &str)> {
        self.urls.iter().map(|(service, url)| (service, url.as_str()))
    }

    /// A suite on these databases. An instance that dies is given up after six seconds.
    pub fn choose(&self, suite: Builder) -> Builder {
        let suite = suite.env("KAFKA_SESSION_TIMEOUT_MS", "6000");
        self.urls.iter().fold(suite, |suite, (service, url)| suite.env_for(service, "DATABASE_URL", url))
    }

    /// Another instance of each service beside the shop's, with this `INSTANCE_ID`.
    #[track_caller]
    pub fn another(&self, shop: &Shop, instance: u32, choose: impl FnOnce(Builder) -> Builder) -> Suite {
        let suite = Suite::builder(must(broker_from_env()))
            .topic_prefix(shop.topic_prefix())
            .env_for(ServiceName::Order, "ORDER_DEADLINE_S", "600")
            .instance(instance, shop.dir());
        must(choose(self.choose(suite)).start())
    }
}

async fn create(server: &str, names: impl Iterator<Item = &str>) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(server, NoTls).await?;
    tokio::spawn(connection);
    for name in names {
        client.batch_execute(&format!("CREATE DATABASE {name}")).await?;
    }
    Ok(())
}
