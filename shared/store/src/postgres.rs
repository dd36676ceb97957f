//! The PostgreSQL backend, for any number of instances of a service.
//!
//! Instances coordinate through the database only. Each commits its own decisions; one of them leads and does the work that
//! only one instance may do.

mod convert;
mod dead_letters;
mod leader;
mod log;
mod open_transaction;
mod parked;
mod read;
mod read_positions;
mod replays;
mod schema;
mod server;
mod statements;
mod transact;
mod unsent;
mod write;

use std::{collections::HashSet, sync::atomic::Ordering};

use deadpool_postgres::{Object, Pool, PoolError};
use decider::StreamId;
use jiff::Timestamp;
use uuid::Uuid;

use self::{leader::IsLeader, server::Server};
use crate::{
    AsOf, Committed, DeadLetter, IntentPage, Leadership, Listing, LogPage, NewUnsent, OpenReplay, Page, Parked,
    ReadPosition, Rescheduled, Store, StoreError, StoredEvent, StoredStream, TopicKey, Transaction, Unpublished,
    Unsent, UnsentSummary,
};

/// Lock keys and channel names shared by the instances on a database. Never changed, because instances of two builds may run
/// side by side.
mod keys {
    /// Advisory lock held during a migration.
    pub(super) const MIGRATION: i64 = 0x6f72_6465_7200;
    /// Advisory lock held by the leader's session.
    pub(super) const LEADER: i64 = 0x6f72_6465_7201;
    /// Advisory lock shared by all transactions that may append to the log, until their end.
    pub(super) const LOG: i64 = 0x6f72_6465_7202;
    /// Notifies the leader of a commit.
    pub(super) const NOTIFY: &str = "NOTIFY store_committed";
    /// Subscribes the leader to commits.
    pub(super) const LISTEN: &str = "LISTEN store_committed";
}

/// A database of a PostgreSQL server. Cheap to clone.
#[derive(Clone)]
pub struct PostgresStore {
    server: Server,
    pool: Pool,
    is_leader: IsLeader,
    /// True if an older version of this store left messages that it has processed.
    has_old_inbox: bool,
}

impl PostgresStore {
    /// Opens the database of a URL `postgres://<user>:<password>@<host>/<database>` and creates or migrates its tables.
    ///
    /// # Errors
    /// The URL is invalid, the server is unreachable or refuses the session, or the database has a newer version.
    pub async fn open_url(url: &str) -> Result<Self, StoreError> {
        let server = Server::of_url(url)?;
        let pool = server.pool();
        let mut client = pool.get().await?;
        schema::migrate(client.as_mut(), &server).await?;
        let has_old_inbox = client.query_one("SELECT EXISTS (SELECT 1 FROM old_inbox)", &[]).await?.try_get(0)?;
        drop(client);
        Ok(Self { server, pool, is_leader: IsLeader::default(), has_old_inbox })
    }

    /// Opens the database of a URL for reading, also while services use it. Writes fail.
    ///
    /// # Errors
    /// The URL is invalid, the server is unreachable or refuses the session, or the database has another version.
    pub async fn open_read_only(url: &str) -> Result<Self, StoreError> {
        let server = Server::of_url(url)?.read_only();
        let pool = server.pool();
        schema::check(&*pool.get().await?, &server).await?;
        Ok(Self { server, pool, is_leader: IsLeader::default(), has_old_inbox: false })
    }

    async fn connection(&self) -> Result<Object, StoreError> {
        Ok(self.pool.get().await?)
    }
}

/// Returns whether the URL is for PostgreSQL.
pub(crate) fn is_url(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// Checks a URL without connecting.
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

impl Store for PostgresStore {
    async fn transact<T: Transaction>(&self, mut transaction: T) -> (T, Result<Committed, StoreError>) {
        let notify_leader = !self.is_leader.load(Ordering::SeqCst);
        // Boxed, because the future is large.
        let result =
            Box::pin(transact::transact(&self.pool, &mut transaction, notify_leader, self.has_old_inbox)).await;
        (transaction, result)
    }

    async fn load(&self, stream: StreamId, as_of: AsOf) -> Result<StoredStream, StoreError> {
        read::stream(&*self.connection().await?, &stream, as_of).await
    }

    async fn history(&self, stream: StreamId, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        read::history(&*self.connection().await?, &stream, after, limit).await
    }

    async fn list(&self, listing: Listing) -> Result<Page, StoreError> {
        read::list(&*self.connection().await?, &listing).await
    }

    async fn tail(&self, after: i64, limit: usize) -> Result<LogPage, StoreError> {
        log::tail(&*self.connection().await?, after, limit).await
    }

    async fn cursor(&self) -> Result<i64, StoreError> {
        log::cursor(&*self.connection().await?).await
    }

    async fn advance_cursor(&self, position: i64) -> Result<(), StoreError> {
        write::advance_cursor_alone(self.connection().await?.as_mut(), position).await
    }

    async fn published_len(&self) -> Result<u64, StoreError> {
        log::published_len(&*self.connection().await?).await
    }

    async fn unpublished(&self) -> Result<Unpublished, StoreError> {
        log::unpublished(&*self.connection().await?).await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        dead_letters::unpublished(&*self.connection().await?, limit).await
    }

    async fn mark_published(&self, dead_letters: Vec<Uuid>) -> Result<(), StoreError> {
        dead_letters::mark_published(self.connection().await?.as_mut(), &dead_letters).await
    }

    async fn published_letters_len(&self) -> Result<u64, StoreError> {
        dead_letters::published_len(&*self.connection().await?).await
    }

    async fn republish_dead_letters(&self) -> Result<(), StoreError> {
        dead_letters::republish(&*self.connection().await?).await
    }

    async fn keep_unsent(&self, unsent: NewUnsent) -> Result<(), StoreError> {
        unsent::keep(&*self.connection().await?, &unsent).await
    }

    async fn unsent(&self, now: Timestamp, limit: usize) -> Result<Vec<Unsent>, StoreError> {
        unsent::due(&*self.connection().await?, now, limit).await
    }

    async fn unsent_keys(&self) -> Result<HashSet<TopicKey>, StoreError> {
        unsent::keys(&*self.connection().await?).await
    }

    async fn unsent_summary(&self) -> Result<UnsentSummary, StoreError> {
        unsent::summary(&*self.connection().await?).await
    }

    async fn update_unsent(&self, sent: Vec<i64>, rescheduled: Vec<Rescheduled>) -> Result<(), StoreError> {
        unsent::update(self.connection().await?.as_mut(), &sent, &rescheduled).await
    }

    async fn replays(&self, limit: usize) -> Result<Vec<OpenReplay>, StoreError> {
        replays::open(&*self.connection().await?, limit).await
    }

    async fn delete_replays(&self, positions: Vec<i64>) -> Result<(), StoreError> {
        replays::finish(&*self.connection().await?, &positions).await
    }

    async fn intents(&self, after: i64, limit: usize) -> Result<IntentPage, StoreError> {
        log::intents(&*self.connection().await?, after, limit).await
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

    async fn read_positions(&self) -> Result<Vec<ReadPosition>, StoreError> {
        read_positions::read(&*self.connection().await?).await
    }

    fn join_election(&self) -> Leadership {
        leader::join_election(self.server.clone(), self.is_leader.clone())
    }
}
