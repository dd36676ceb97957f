//! The suite on SQLite and tests of its files, versions and URLs.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use store::{SqliteStore, Store, StoreError, Writes};
use tempfile::TempDir;

use crate::fixture::{
    Fixture, append, at, fold, load, message_ids, numbered, public, public_numbers, second, try_write, write,
};
use crate::migration::{self, Dialect};
use crate::parked::{assert_migrated_and_usable, ordering_key, parked};

struct SqliteFile {
    folder: TempDir,
}

impl SqliteFile {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }
}

impl Fixture for SqliteFile {
    type Store = SqliteStore;

    async fn empty() -> Self {
        Self::new()
    }

    async fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.path()).expect("opens")
    }
}

crate::suite!(SqliteFile);

fn error(result: Result<SqliteStore, StoreError>) -> String {
    result.err().expect("fails").to_string()
}

#[tokio::test]
async fn opening_a_url_creates_file_and_folder() {
    let database = SqliteFile::new();
    let path = database.folder.path().join("a/b/store.db");
    let url = format!("sqlite:{}", path.display());
    let store = SqliteStore::open_url(&url).expect("opens");
    append(&store, || at("A", 0, vec![numbered(1)])).await;
    assert!(path.exists());
    drop(store);
    assert_eq!(fold(&load(&SqliteStore::open_url(&url).expect("reopens"), "A").await), [1]);
}

#[tokio::test]
async fn read_only_store_sees_concurrent_writes_and_cannot_write() {
    let database = SqliteFile::new();
    let url = format!("sqlite:{}", database.path().display());
    assert!(SqliteStore::open_read_only(&url).is_err(), "the file does not exist");
    assert!(!database.path().exists(), "no file is created");

    let store = database.open().await;
    append(&store, || at("A", 0, vec![numbered(1)])).await;
    let reader = SqliteStore::open_read_only(&url).expect("opens");
    append(&store, || at("A", 1, vec![numbered(2)])).await;
    assert_eq!(fold(&load(&reader, "A").await), [1, 2]);
    let written =
        try_write(&reader, || Writes { streams: vec![at("A", 2, vec![numbered(3)])], ..Writes::default() }).await;
    assert!(written.expect_err("fails").to_string().contains("readonly"));
    drop(store);
    assert_eq!(fold(&load(&reader, "A").await), [1, 2], "the file outlives its writer");
}

#[test]
fn read_only_store_does_not_migrate() {
    let database = SqliteFile::new();
    drop(SqliteStore::open(&database.path()).expect("opens"));
    let connection = Connection::open(database.path()).expect("opens");
    connection.pragma_update(None, "user_version", 0).expect("writes");
    let message = error(SqliteStore::open_read_only(&format!("sqlite:{}", database.path().display())));
    assert!(message.contains("schema version 0 does not match version"), "{message}");
}

#[test]
fn unsupported_url_is_rejected_without_revealing_its_password() {
    for (url, shown) in
        [("mysql://saga:secret@db/orders", "mysql"), ("sqlite:", "sqlite"), ("orders.db", "orders.db"), ("", "")]
    {
        let expected = format!("DATABASE_URL '{shown}': expected sqlite:<path> or postgres://<host>/<database>");
        assert_eq!(error(SqliteStore::open_url(url)), expected, "{url}");
    }
}

#[test]
fn newer_schema_version_is_rejected_and_unchanged() {
    let database = SqliteFile::new();
    drop(SqliteStore::open(&database.path()).expect("opens"));
    let connection = Connection::open(database.path()).expect("opens");
    connection.pragma_update(None, "user_version", 999).expect("writes");
    let path = database.path().display().to_string();
    let message = error(SqliteStore::open(&database.path()));
    assert!(
        message.starts_with(&format!("DATABASE_URL '{path}': schema version 999 is newer than version")),
        "{message}"
    );
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).expect("reads");
    assert_eq!(version, 999);
}

#[test]
fn file_that_is_not_a_database_is_rejected_and_unchanged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let letter = folder.path().join("letter.txt");
    std::fs::write(&letter, "Dear Ada, ".repeat(1_000)).expect("writes");
    let message = error(SqliteStore::open(&letter));
    assert!(message.contains("not a database"), "{message}");
    assert_eq!(std::fs::read_to_string(&letter).expect("reads"), "Dear Ada, ".repeat(1_000));

    let message = error(SqliteStore::open(&letter.join("store.db")));
    assert!(message.contains("failed to create folder"), "{message}");
    let message = error(SqliteStore::open(folder.path()));
    assert!(message.contains("unable to open database file"), "{message}");
}

/// The files on disk at this moment are the state after a kill of the process.
#[tokio::test]
async fn committed_transaction_survives_kill() {
    let database = SqliteFile::new();
    let store = database.open().await;
    append(&store, || {
        let mut write = at("A", 0, vec![public(1, 1)]);
        write.head.processed = message_ids(&[7]);
        write
    })
    .await;

    let copy = SqliteFile::new();
    for suffix in ["", "-wal"] {
        std::fs::copy(with_suffix(&database.path(), suffix), with_suffix(&copy.path(), suffix)).expect("copies");
    }
    let restarted = copy.open().await;
    assert_eq!(fold(&load(&restarted, "A").await), [1]);
    assert_eq!(public_numbers(&restarted, 0).await, ["1"]);
    assert_eq!(load(&restarted, "A").await.head.expect("exists").processed, message_ids(&[7]));
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// Readers have their own connections and never wait for a transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reader_sees_committed_state_during_a_transaction() {
    use crate::fixture::Script;
    use store::Step;
    let database = SqliteFile::new();
    let store = database.open().await;
    write(&store, || Writes { streams: vec![at("A", 0, vec![numbered(1)])], ..Writes::default() }).await;

    let (started_sender, started) = std::sync::mpsc::channel();
    let (finish, finish_receiver) = std::sync::mpsc::channel::<()>();
    let transaction = Script::new(move |_| {
        started_sender.send(()).expect("the test waits");
        finish_receiver.recv().expect("the test continues");
        Ok(Step::Write(Writes { streams: vec![at("A", 1, vec![numbered(2)])], ..Writes::default() }))
    });
    let task = tokio::spawn({
        let store = store.clone();
        async move { store.transact(transaction).await.1 }
    });
    started.recv().expect("the transaction runs");
    assert_eq!(fold(&load(&store, "A").await), [1]);
    finish.send(()).expect("the transaction waits");
    task.await.expect("runs").expect("writes");
    assert_eq!(fold(&load(&store, "A").await), [1, 2]);
}

/// Creates a database of schema version 1 with one parked record.
fn version_1(database: &SqliteFile) {
    let connection = Connection::open(database.path()).expect("opens");
    connection.execute_batch(include_str!("fixtures/sqlite_1.sql")).expect("creates the tables");
    connection.pragma_update(None, "user_version", 1).expect("writes");
    let key = uuid::Uuid::from_u128(0x00ab_cdef).into_bytes();
    let parked =
        "INSERT INTO parked (position, order_id, topic, partition, record_offset, timestamp_ms, key, headers, payload,
                                      attempts, error, due_us)
                  VALUES (41, ?, 'order.events', 3, 7, 1, NULL, x'', x'7b7d', 2, 'not now', 0)";
    connection.execute(parked, [key]).expect("writes");
}

#[tokio::test]
async fn migration_converts_parked_records_of_version_1() {
    let database = SqliteFile::new();
    version_1(&database);
    assert_migrated_and_usable(&database.open().await).await;
    assert_migrated_and_usable(&database.open().await).await;
}

#[tokio::test]
async fn migration_does_not_reuse_positions_of_parked_records() {
    let database = SqliteFile::new();
    version_1(&database);
    Connection::open(database.path()).expect("opens").execute("DELETE FROM parked", []).expect("writes");
    let store = database.open().await;
    write(&store, || Writes { parked: vec![parked(ordering_key(1), 1, 0)], ..Writes::default() }).await;
    assert_eq!(store.parked(second(0), 10).await.expect("reads")[0].position, 42);
}

/// Creates a database of schema version 2.
fn version_2(database: &SqliteFile, and: &str) {
    let dialect = Dialect {
        id: |number| format!("x'{number:032x}'"),
        random_id: "randomblob(16)",
        bytes: |bytes| format!("CAST('{}' AS BLOB)", String::from_utf8_lossy(bytes)),
        time: |seconds| format!("({seconds}) * 1000000"),
        time_suffix: "_us",
        overriding: "",
    };
    let rows = migration::rows(&dialect);
    let sql =
        [include_str!("fixtures/sqlite_1.sql"), include_str!("fixtures/sqlite_2.sql"), "BEGIN;", &rows, "COMMIT;", and];
    let connection = Connection::open(database.path()).expect("opens");
    connection.execute_batch(&sql.join("\n")).expect("creates the database");
    connection.pragma_update(None, "user_version", 2).expect("writes");
}

#[tokio::test]
async fn migration_converts_outbox_and_inbox_of_version_2() {
    let database = SqliteFile::new();
    version_2(&database, "");
    migration::assert_migrated(&database.open().await).await;
    let reopened = database.open().await;
    migration::assert_migrated(&reopened).await;
    migration::assert_usable(&reopened).await;
}

#[tokio::test]
async fn migration_of_an_empty_outbox_publishes_nothing_again() {
    let database = SqliteFile::new();
    version_2(&database, "DELETE FROM outbox");
    migration::assert_all_published(&database.open().await).await;
}
