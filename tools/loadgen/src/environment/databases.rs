//! Databases of the services on a PostgreSQL server.

use anyhow::{Context as _, Result};
use catalog::PerService;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use xtask::{Postgres, suite::Builder};

/// One database for each service, dropped at the end.
pub(crate) struct PostgresDatabases<'a> {
    server: &'a Postgres,
    runtime: &'a Runtime,
    names: PerService<String>,
}

impl<'a> PostgresDatabases<'a> {
    /// Creates the databases.
    ///
    /// # Errors
    /// The server is unavailable or refuses.
    pub(crate) fn create(server: &'a Postgres, runtime: &'a Runtime) -> Result<Self> {
        let run = Uuid::now_v7().simple();
        let names = PerService::new(|service| format!("bench_{service}_{run}"));
        runtime.block_on(async {
            let client = client(server).await?;
            for name in names.values() {
                client.batch_execute(&format!("CREATE DATABASE {name}")).await?;
            }
            anyhow::Ok(())
        })?;
        Ok(Self { server, runtime, names })
    }

    /// Configures a suite to use the databases.
    ///
    /// # Errors
    /// The server's URL does not name a database.
    pub(crate) fn choose(&self, suite: Builder) -> Result<Builder> {
        self.names.iter().try_fold(suite, |suite, (service, name)| {
            Ok(suite.env_for(service, "DATABASE_URL", self.server.database_url(name)?))
        })
    }

    /// Size of each database in bytes, including indexes.
    ///
    /// # Errors
    /// The server is unavailable or refuses.
    pub(crate) fn sizes(&self) -> Result<PerService<u64>> {
        let mut sizes = PerService::default();
        self.runtime.block_on(async {
            let client = client(self.server).await?;
            for (service, name) in self.names.iter() {
                let row = client.query_one("SELECT pg_database_size($1::text::name)", &[name]).await?;
                sizes[service] = row.get::<_, i64>(0).unsigned_abs();
            }
            anyhow::Ok(())
        })?;
        Ok(sizes)
    }
}

impl Drop for PostgresDatabases<'_> {
    fn drop(&mut self) {
        // A server given by the user outlives this program, and so would the databases.
        let dropped = self.runtime.block_on(async {
            let client = client(self.server).await?;
            for name in self.names.values() {
                client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
            }
            anyhow::Ok(())
        });
        if let Err(error) = dropped {
            eprintln!("failed to drop the databases bench_*: {error:#}");
        }
    }
}

async fn client(server: &Postgres) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(server.url(), NoTls).await.context("PostgreSQL")?;
    tokio::spawn(connection);
    Ok(client)
}
