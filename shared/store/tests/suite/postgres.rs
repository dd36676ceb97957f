//! The suite on PostgreSQL, and what is peculiar to it: a server, its URLs, its versions.

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

use crate::fixture::{Fixture, append, at, fold, load, record, said, try_write, waiting, write};

/// The server of this run: started by the first who needs it, stopped when this process ends.
fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| {
        let workspace = Workspace::find().expect("this is a workspace");
        Postgres::obtain(&workspace, Durability::UntilItStops, Progress::quiet()).expect("a PostgreSQL server")
    })
}

/// A database of its own on the server of this run.
pub(crate) struct PostgresDatabase {
    name: String,
}

impl PostgresDatabase {
    pub(crate) async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("suite_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let server = tokio::task::spawn_blocking(server).await.expect("a server");
        let client = session(server.url()).await;
        client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("is created");
        Self { name }
    }

    pub(crate) fn url(&self) -> String {
        server().database_url(&self.name).expect("a URL")
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        PostgresStore::open_url(&self.url()).await.expect("opens")
    }

    /// A session beside the store's.
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
        // A test that failed may have left anything behind.
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

async fn refusal(url: &str) -> StoreError {
    PostgresStore::open_url(url).await.err().expect("is refused")
}

#[tokio::test]
async fn a_url_chooses_the_storage() {
    let database = PostgresDatabase::new().await;
    let store = EventStore::open_url(&database.url()).await.expect("opens");
    assert_eq!(store.system(), "postgresql");
    append(&store, || at("A", 0, vec![said(1)])).await;
    assert_eq!(fold(&load(&database.store().await, "A").await), [1]);

    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("store.db").display());
    assert_eq!(EventStore::open_url(&url).await.expect("opens").system(), "sqlite");
}

#[tokio::test]
async fn who_only_looks_sees_what_is_written_meanwhile_and_can_write_nothing() {
    let database = PostgresDatabase::new().await;
    let error = PostgresStore::open_read_only(&database.url()).await.err().expect("is refused");
    assert!(error.to_string().contains("schema_version"), "there are no tables, and none are made: {error}");

    let store = database.store().await;
    append(&store, || at("A", 0, vec![said(1)])).await;
    let looking = EventStore::open_read_only(&database.url()).await.expect("opens");
    append(&store, || at("A", 1, vec![said(2)])).await;
    assert_eq!(fold(&load(&looking, "A").await), [1, 2]);
    let written =
        try_write(&looking, || Writes { streams: vec![at("A", 2, vec![said(3)])], ..Writes::default() }).await;
    assert!(written.expect_err("is refused").to_string().contains("read-only"));
}

#[tokio::test]
async fn a_database_that_is_not_there_is_refused_at_once() {
    let database = PostgresDatabase::new().await;
    let url = with_database(&database.url(), "nowhere").expect("a URL");
    let error = refusal(&url).await;
    assert!(error.to_string().contains("\"nowhere\" does not exist (3D000)"), "{error}");
    assert!(!error.is_unavailable(), "waiting would not help");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_away() {
    let port = xtask::ports::free().expect("a port");
    let error = refusal(&format!("postgres://saga:secret@127.0.0.1:{port}/orders")).await;
    assert!(error.is_unavailable(), "{error}");
    assert!(error.to_string().contains("Connection refused") && !error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_database_of_a_newer_build_is_refused_and_left_alone() {
    let database = PostgresDatabase::new().await;
    drop(database.store().await);
    let session = database.session().await;
    session.batch_execute("INSERT INTO schema_version VALUES (999)").await.expect("is set");
    let error = refusal(&database.url()).await.to_string();
    assert!(error.contains("made by a newer build: version 999"), "{error}");
    let rows = session.query("SELECT version FROM schema_version ORDER BY version", &[]).await.expect("reads");
    assert_eq!(rows.last().map(|row| row.get(0)), Some(999));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_start_at_once_make_the_tables_once() {
    let database = PostgresDatabase::new().await;
    let opened = (0..8).map(|_| {
        let url = database.url();
        tokio::spawn(async move { PostgresStore::open_url(&url).await.map(drop) })
    });
    for opened in opened.collect::<Vec<_>>() {
        opened.await.expect("runs").expect("opens");
    }
    let versions = database.session().await.query("SELECT version FROM schema_version", &[]).await.expect("reads");
    assert_eq!(versions.len(), 1, "one of them made the tables");
}

/// What PostgreSQL can't store is the fault of what is to be stored; a connection that ends is nobody's fault.
#[tokio::test]
async fn a_refusal_is_told_from_a_server_that_is_away() {
    let database = PostgresDatabase::new().await;
    let store = database.store().await;
    let zero = || Writes {
        streams: vec![store::StreamWrite { trace: "a\0b".into(), ..at("A", 0, vec![said(1)]) }],
        ..Writes::default()
    };
    let error = crate::fixture::try_write(&store, zero).await.expect_err("no text holds a zero");
    assert!(error.is_permanent(), "{error}");
    write(&store, || Writes { outbox: vec![record("R")], ..Writes::default() }).await;
    assert_eq!(waiting(&store).await, ["R"]);
}

/// The server ends all sessions, as it does when it restarts. What was begun fails, is tried again, and succeeds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_outlives_its_connections() {
    let database = PostgresDatabase::new().await;
    let store = database.store().await;
    append(&store, || at("A", 0, vec![said(1)])).await;
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.session().await.batch_execute(others).await.expect("ends them");
    let mut failures = 0;
    while let Err(error) =
        crate::fixture::try_write(&store, || Writes { streams: vec![at("A", 1, vec![said(2)])], ..Writes::default() })
            .await
    {
        assert!(!error.is_permanent(), "{error}");
        failures += 1;
        assert!(failures < 20, "{error}");
    }
    assert_eq!(fold(&load(&store, "A").await), [1, 2]);
}
