//! The suite on PostgreSQL and tests of its connections, URLs and versions.

mod log;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use store::{EventStore, PostgresStore, StoreError, Writes};
use tokio_postgres::{Client, NoTls};
use xtask::{
    Postgres, Progress, Workspace,
    postgres::{Durability, with_database},
};

use crate::{
    fixture::{Fixture, append, at, fold, load, numbered, try_write},
    migration::{self, Dialect},
    parked::assert_migrated_and_usable,
};

/// The server of this test run, started by the first test that needs it and stopped with this process.
fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| {
        let workspace = Workspace::find().expect("a workspace");
        Postgres::obtain(&workspace, Durability::UntilItStops, Progress::quiet()).expect("a PostgreSQL server")
    })
}

/// A separate database on the server of this test run.
pub(crate) struct PostgresDatabase {
    name: String,
}

impl PostgresDatabase {
    pub(crate) async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("suite_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let server = tokio::task::spawn_blocking(server).await.expect("a server");
        let client = session(server.url()).await;
        client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("creates the database");
        Self { name }
    }

    pub(crate) fn url(&self) -> String {
        server().database_url(&self.name).expect("a URL")
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        PostgresStore::open_url(&self.url()).await.expect("opens")
    }

    /// Opens a session outside the store.
    pub(crate) async fn session(&self) -> Client {
        session(&self.url()).await
    }
}

async fn session(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("connects");
    tokio::spawn(connection);
    client
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let drop_it = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move { session(server().url()).await.batch_execute(&drop_it).await })
        });
        // Ignore errors, because a failed test may have left the server in any state.
        let _ = dropped.join();
    }
}

impl Fixture for PostgresDatabase {
    type Store = PostgresStore;

    async fn empty() -> Self {
        Self::new().await
    }

    async fn open(&self) -> PostgresStore {
        self.store().await
    }
}

crate::suite!(PostgresDatabase);

async fn open_error(url: &str) -> StoreError {
    PostgresStore::open_url(url).await.err().expect("fails")
}

#[tokio::test]
async fn url_selects_the_backend() {
    let database = PostgresDatabase::new().await;
    let store = EventStore::open_url(&database.url()).await.expect("opens");
    assert_eq!(store.system(), "postgresql");
    append(&store, || at("A", 0, vec![numbered(1)])).await;
    assert_eq!(fold(&load(&database.store().await, "A").await), [1]);

    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("store.db").display());
    assert_eq!(EventStore::open_url(&url).await.expect("opens").system(), "sqlite");
}

#[tokio::test]
async fn read_only_store_sees_concurrent_writes_and_cannot_write() {
    let database = PostgresDatabase::new().await;
    let error = PostgresStore::open_read_only(&database.url()).await.err().expect("fails");
    assert!(error.to_string().contains("schema_version"), "there are no tables, and none are created: {error}");

    let store = database.store().await;
    append(&store, || at("A", 0, vec![numbered(1)])).await;
    let reader = EventStore::open_read_only(&database.url()).await.expect("opens");
    append(&store, || at("A", 1, vec![numbered(2)])).await;
    assert_eq!(fold(&load(&reader, "A").await), [1, 2]);
    let written =
        try_write(&reader, || Writes { streams: vec![at("A", 2, vec![numbered(3)])], ..Writes::default() }).await;
    assert!(written.expect_err("fails").to_string().contains("read-only"));
}

#[tokio::test]
async fn missing_database_is_a_lasting_error() {
    let database = PostgresDatabase::new().await;
    let url = with_database(&database.url(), "nowhere").expect("a URL");
    let error = open_error(&url).await;
    assert!(error.to_string().contains("\"nowhere\" does not exist (3D000)"), "{error}");
    assert!(!error.is_unavailable(), "a retry would not help");
}

#[tokio::test]
async fn unreachable_server_is_unavailable() {
    let port = xtask::ports::free().expect("a port");
    let error = open_error(&format!("postgres://saga:secret@127.0.0.1:{port}/orders")).await;
    assert!(error.is_unavailable(), "{error}");
    assert!(error.to_string().contains("Connection refused") && !error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn newer_schema_version_is_rejected_and_unchanged() {
    let database = PostgresDatabase::new().await;
    drop(database.store().await);
    let session = database.session().await;
    session.batch_execute("INSERT INTO schema_version VALUES (999)").await.expect("writes");
    let error = open_error(&database.url()).await.to_string();
    assert!(error.contains("schema version 999 is newer than version"), "{error}");
    let rows = session.query("SELECT version FROM schema_version ORDER BY version", &[]).await.expect("reads");
    assert_eq!(rows.last().map(|row| row.get(0)), Some(999));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_starts_create_the_tables_once() {
    let database = PostgresDatabase::new().await;
    let opened = (0..8).map(|_| {
        let url = database.url();
        tokio::spawn(async move { PostgresStore::open_url(&url).await.map(drop) })
    });
    for opened in opened.collect::<Vec<_>>() {
        opened.await.expect("runs").expect("opens");
    }
    let versions = database.session().await.query("SELECT version FROM schema_version", &[]).await.expect("reads");
    assert_eq!(versions.len(), 1, "one instance created the tables");
}

/// PostgreSQL text cannot contain a zero character, which a retry would not change.
#[tokio::test]
async fn value_that_cannot_be_stored_is_a_permanent_error() {
    let database = PostgresDatabase::new().await;
    let store = database.store().await;
    let zero = || Writes {
        streams: vec![store::StreamWrite { status: "a\0b", ..at("A", 0, vec![numbered(1)]) }],
        ..Writes::default()
    };
    let error = try_write(&store, zero).await.expect_err("text cannot contain a zero");
    assert!(error.is_permanent(), "{error}");
    append(&store, || at("A", 0, vec![numbered(1)])).await;
    assert_eq!(fold(&load(&store, "A").await), [1]);
}

/// The server ends all sessions, as in a restart. Transactions fail, are retried, and succeed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_reconnects_after_its_sessions_end() {
    let database = PostgresDatabase::new().await;
    let store = database.store().await;
    append(&store, || at("A", 0, vec![numbered(1)])).await;
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.session().await.batch_execute(others).await.expect("ends the sessions");
    let mut failures = 0;
    while let Err(error) =
        try_write(&store, || Writes { streams: vec![at("A", 1, vec![numbered(2)])], ..Writes::default() }).await
    {
        assert!(!error.is_permanent(), "{error}");
        failures += 1;
        assert!(failures < 20, "{error}");
    }
    assert_eq!(fold(&load(&store, "A").await), [1, 2]);
}

#[tokio::test]
async fn migration_converts_parked_records_of_version_1() {
    let database = PostgresDatabase::new().await;
    let session = database.session().await;
    session.batch_execute(include_str!("fixtures/postgres_1.sql")).await.expect("creates the tables");
    let rows = "CREATE TABLE schema_version (version int NOT NULL);
                INSERT INTO schema_version VALUES (1);
                INSERT INTO parked (position, order_id, topic, partition, record_offset, timestamp_ms, key, headers, payload,
                                    attempts, error, due)
                OVERRIDING SYSTEM VALUE
                VALUES (41, '00000000-0000-0000-0000-000000abcdef', 'order.events', 3, 7, 1, NULL, '', '{}', 2, 'not now',
                        'epoch');
                SELECT setval(pg_get_serial_sequence('parked', 'position'), 41)";
    session.batch_execute(rows).await.expect("writes");
    assert_migrated_and_usable(&database.store().await).await;
    assert_migrated_and_usable(&database.store().await).await;
}

/// Creates a database of schema version 2.
async fn version_2(database: &PostgresDatabase, and: &str) {
    let dialect = Dialect {
        id: |number| format!("'{}'", uuid::Uuid::from_u128(number)),
        random_id: "gen_random_uuid()",
        bytes: |bytes| format!("convert_to('{}', 'UTF8')", String::from_utf8_lossy(bytes)),
        time: |seconds| format!("to_timestamp({seconds})"),
        time_suffix: "",
        overriding: "OVERRIDING SYSTEM VALUE",
    };
    let sql = [
        include_str!("fixtures/postgres_1.sql"),
        include_str!("fixtures/postgres_2.sql"),
        "CREATE TABLE schema_version (version int NOT NULL); INSERT INTO schema_version VALUES (2);",
        &migration::rows(&dialect),
        "UPDATE streams SET snapshot = 2 WHERE id = 1;
         SELECT setval(pg_get_serial_sequence('parked', 'position'), 41);
         SELECT setval(pg_get_serial_sequence('streams', 'id'), 3);",
        and,
    ];
    database.session().await.batch_execute(&sql.join("\n")).await.expect("creates the database");
}

#[tokio::test]
async fn migration_converts_outbox_and_inbox_of_version_2() {
    let database = PostgresDatabase::new().await;
    version_2(&database, "").await;
    migration::assert_migrated(&database.store().await).await;
    let reopened = database.store().await;
    migration::assert_migrated(&reopened).await;
    migration::assert_usable(&reopened).await;
}

#[tokio::test]
async fn migration_of_an_empty_outbox_publishes_nothing_again() {
    let database = PostgresDatabase::new().await;
    version_2(&database, "DELETE FROM outbox").await;
    migration::assert_all_published(&database.store().await).await;
}
