//! The services' databases on a PostgreSQL server, when they are not SQLite's.

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use xtask::{PerService, Postgres, suite::Builder};

/// One for each service.
pub(crate) struct Databases<'a> {
    server: &'a Postgres,
    runtime: &'a Runtime,
    names: PerService<String>,
}

impl<'a> Databases<'a> {
    /// Makes new ones.
    ///
    /// # Errors
    /// The server can't be asked.
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

    /// A suite on these.
    ///
    /// # Errors
    /// The server's URL has no place for a database.
    pub(crate) fn choose(&self, suite: Builder) -> Result<Builder> {
        self.names.iter().try_fold(suite, |suite, (service, name)| {
            Ok(suite.env_for(service, "DATABASE_URL", self.server.database_url(name)?))
        })
    }

    /// The size of each, in bytes, with its indexes.
    ///
    /// # Errors
    /// The server can't be asked.
    pub(crate) fn sizes(&self) -> Result<PerService<u64>> {
        let mut sizes = PerService::default();
        self.runtime.block_on(async {
            let client = client(self.server).await?;
            for (size, name) in sizes.values_mut().zip(self.names.values()) {
                let row = client.query_one("SELECT pg_database_size($1::text::name)", &[name]).await?;
                *size = row.get::<_, i64>(0).unsigned_abs();
            }
            anyhow::Ok(())
        })?;
        Ok(sizes)
    }
}

impl Drop for Databases<'_> {
    fn drop(&mut self) {
        // On a server that was given they would stay; on one of our own they go with it.
        let dropped = self.runtime.block_on(async {
            let client = client(self.server).await?;
            for name in self.names.values() {
                client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
            }
            anyhow::Ok(())
        });
        if let Err(error) = dropped {
            eprintln!("databases bench_* are left behind: {error:#}");
        }
    }
}

async fn client(server: &Postgres) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(server.url(), NoTls).await.context("PostgreSQL")?;
    tokio::spawn(connection);
    Ok(client)
}
