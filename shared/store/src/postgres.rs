//! PostgreSQL: for any number of instances of a service side by side.
//!
//! Instances meet in the database only. Each commits what it decides; one of them leads, and does what only one may do.

mod leader;
mod parked;
mod read;
mod schema;
mod server;
mod statements;
mod transact;
mod write;

use std::{error::Error as _, fmt::Write as _, sync::atomic::Ordering};

use deadpool_postgres::{Object, Pool, PoolError};
use decider::StreamId;
use jiff::Timestamp;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use self::{leader::Leads, server::Server};
use crate::{
    AsOf, Committed, Leadership, Listing, OpenIntent, OutboxRow, Page, Parked, PurgedPage, Store, StoreError,
    StoredEvent, StoredStream, Transaction,
};

/// What instances agree upon, in each database for itself.
mod keys {
    /// Held by who makes the tables.
    pub(super) const MIGRATION: i64 = 0x6f72_6465_7200;
    /// Held by the leader's session.
    pub(super) const LEADER: i64 = 0x6f72_6465_7201;
    /// Tells the leader that something was committed.
    pub(super) const NOTIFY: &str = "NOTIFY order_saga_committed";
    /// Of the leader.
    pub(super) const LISTEN: &str = "LISTEN order_saga_committed";
}

/// A database of a PostgreSQL server. Cheap to clone.
#[derive(Clone)]
pub struct PostgresStore {
    server: Server,
    pool: Pool,
    leads: Leads,
}

impl PostgresStore {
    /// Opens the database of a URL `postgres://<user>:<password>@<host>/<database>`, and makes its tables if it has none.
    ///
    /// # Errors
    /// The URL can't be used, the server can't be reached or refuses, or the database is of a newer version.
    pub async fn open_url(url: &str) -> Result<Self, StoreError> {
        let server = Server::of_url(url)?;
        let pool = server.pool();
        schema::migrate(pool.get().await?.as_mut(), &server).await?;
        Ok(Self { server, pool, leads: Leads::default() })
    }

    /// Opens the database of a URL to look at it, also while services work on it. What would write fails.
    ///
    /// # Errors
    /// The URL can't be used, the server can't be reached or refuses, or the database is of another version.
    pub async fn open_read_only(url: &str) -> Result<Self, StoreError> {
        let server = Server::of_url(url)?.read_only();
        let pool = server.pool();
        schema::check(&*pool.get().await?, &server).await?;
        Ok(Self { server, pool, leads: Leads::default() })
    }

    async fn connection(&self) -> Result<Object, StoreError> {
        Ok(self.pool.get().await?)
    }
}

/// Whether the URL is for PostgreSQL.
pub(crate) fn is_url(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// Whether the URL is one that can be opened.
pub(crate) fn check_url(url: &str) -> Result<(), StoreError> {
    Server::of_url(url).map(drop)
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            _ => Self::Closed,
        }
    }
}

/// An error with its causes: on its own it does not say what the server said.
pub(crate) fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{} ({})", error.message(), error.code().code());
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string can't fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

/// Whether PostgreSQL refuses the values themselves, rather than the moment.
pub(crate) fn is_permanent(error: &tokio_postgres::Error) -> bool {
    // Data exceptions, integrity constraints, and what exceeds the limits of the program.
    error.code().is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.code().starts_with(class)))
}

/// Whether there is no server to be reached now, and later there may be.
pub(crate) fn is_unavailable(error: &tokio_postgres::Error) -> bool {
    let away = [
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::TOO_MANY_CONNECTIONS,
    ];
    error.code().map_or_else(|| !is_our_fault(error), |code| away.contains(code))
}

/// Nothing was said by the server: was nothing said to it?
fn is_our_fault(error: &tokio_postgres::Error) -> bool {
    let io = error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
    !(io || error.is_closed())
}

impl Store for PostgresStore {
    async fn transact<T: Transaction>(&self, mut transaction: T) -> (T, Result<Committed, StoreError>) {
        let announce = !self.leads.load(Ordering::SeqCst);
        // In a box: what it holds while it waits is large.
        let result = Box::pin(transact::transact(&self.pool, &mut transaction, announce)).await;
        (transaction, result)
    }

    async fn load(&self, stream: StreamId, up_to: AsOf) -> Result<StoredStream, StoreError> {
        read::stream(&*self.connection().await?, &stream, up_to).await
    }

    async fn history(&self, stream: StreamId, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        read::history(&*self.connection().await?, &stream, after, limit).await
    }

    async fn list(&self, listing: Listing) -> Result<Page, StoreError> {
        read::list(&*self.connection().await?, &listing).await
    }

    async fn outbox(&self, after: i64, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        read::outbox(&*self.connection().await?, after, limit).await
    }

    async fn delete_published(&self, positions: Vec<i64>) -> Result<(), StoreError> {
        write::published_only(self.connection().await?.as_mut(), &positions).await
    }

    async fn intents(&self, after: i64, limit: usize) -> Result<Vec<OpenIntent>, StoreError> {
        read::intents(&*self.connection().await?, after, limit).await
    }

    async fn intents_len(&self) -> Result<u64, StoreError> {
        read::intents_len(&*self.connection().await?).await
    }

    async fn due_len(&self, now: Timestamp) -> Result<u64, StoreError> {
        read::due_len(&*self.connection().await?, now).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<StreamId>, StoreError> {
        read::due(&*self.connection().await?, now, limit).await
    }

    async fn parked(&self, now: Timestamp, limit: usize) -> Result<Vec<Parked>, StoreError> {
        parked::due(&*self.connection().await?, now, limit).await
    }

    async fn parked_len(&self) -> Result<u64, StoreError> {
        parked::len(&*self.connection().await?).await
    }

    async fn purge_inbox(
        &self,
        horizon: Timestamp,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<PurgedPage, StoreError> {
        parked::purge_inbox(&*self.connection().await?, horizon, after, limit).await
    }

    async fn outbox_oldest(&self) -> Result<Option<Timestamp>, StoreError> {
        read::outbox_oldest(&*self.connection().await?).await
    }

    async fn outbox_len(&self) -> Result<u64, StoreError> {
        read::outbox_len(&*self.connection().await?).await
    }

    fn join_election(&self) -> Leadership {
        leader::lead(self.server.clone(), self.leads.clone())
    }
}
