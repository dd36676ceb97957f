//! The suite on SQLite, and what is peculiar to it: files, versions, URLs.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use store::{SqliteStore, Store, StoreError, Writes};
use tempfile::TempDir;

use crate::fixture::{Fixture, append, at, fold, handle, load, record, said, seen, try_write, waiting, write};

struct SqliteFile {
    folder: TempDir,
}

impl SqliteFile {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
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

fn refusal(result: Result<SqliteStore, StoreError>) -> String {
    result.err().expect("is refused").to_string()
}

#[tokio::test]
async fn a_url_names_a_file_which_is_made_with_its_folder() {
    let database = SqliteFile::new();
    let path = database.folder.path().join("a/b/store.db");
    let url = format!("sqlite:{}", path.display());
    let store = SqliteStore::open_url(&url).expect("opens");
    append(&store, || at("A", 0, vec![said(1)])).await;
    assert!(path.exists());
    drop(store);
    assert_eq!(fold(&load(&SqliteStore::open_url(&url).expect("opens again"), "A").await), [1]);
}

#[tokio::test]
async fn who_only_looks_sees_what_is_written_meanwhile_and_can_write_nothing() {
    let database = SqliteFile::new();
    let url = format!("sqlite:{}", database.path().display());
    assert!(SqliteStore::open_read_only(&url).is_err(), "there is no such file");
    assert!(!database.path().exists(), "and none is made");

    let store = database.open().await;
    append(&store, || at("A", 0, vec![said(1)])).await;
    let looking = SqliteStore::open_read_only(&url).expect("opens");
    append(&store, || at("A", 1, vec![said(2)])).await;
    assert_eq!(fold(&load(&looking, "A").await), [1, 2]);
    let written =
        try_write(&looking, || Writes { streams: vec![at("A", 2, vec![said(3)])], ..Writes::default() }).await;
    assert!(written.expect_err("is refused").to_string().contains("readonly"));
    drop(store);
    assert_eq!(fold(&load(&looking, "A").await), [1, 2], "the file has outlived who wrote it");
}

#[test]
fn who_only_looks_does_not_bring_a_database_to_this_version() {
    let database = SqliteFile::new();
    drop(SqliteStore::open(&database.path()).expect("opens"));
    let connection = Connection::open(database.path()).expect("opens");
    connection.pragma_update(None, "user_version", 0).expect("is written");
    let refused = refusal(SqliteStore::open_read_only(&format!("sqlite:{}", database.path().display())));
    assert!(refused.contains("made by another build: version 0"), "{refused}");
}

#[test]
fn a_url_of_something_else_is_refused_without_telling_its_password() {
    for (url, shown) in
        [("mysql://saga:secret@db/orders", "mysql"), ("sqlite:", "sqlite"), ("orders.db", "orders.db"), ("", "")]
    {
        let expected = format!("DATABASE_URL '{shown}': it is neither sqlite:<path> nor postgres://<host>/<database>");
        assert_eq!(refusal(SqliteStore::open_url(url)), expected, "{url}");
    }
}

#[test]
fn a_database_of_a_newer_build_is_refused_and_left_alone() {
    let database = SqliteFile::new();
    drop(SqliteStore::open(&database.path()).expect("opens"));
    let connection = Connection::open(database.path()).expect("opens");
    connection.pragma_update(None, "user_version", 999).expect("is set");
    let path = database.path().display().to_string();
    let message = refusal(SqliteStore::open(&database.path()));
    assert!(message.starts_with(&format!("DATABASE_URL '{path}': made by a newer build: version 999")), "{message}");
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).expect("reads");
    assert_eq!(version, 999);
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let letter = folder.path().join("letter.txt");
    std::fs::write(&letter, "Dear Ada, ".repeat(1_000)).expect("is written");
    let message = refusal(SqliteStore::open(&letter));
    assert!(message.contains("not a database"), "{message}");
    assert_eq!(std::fs::read_to_string(&letter).expect("is there"), "Dear Ada, ".repeat(1_000));

    let message = refusal(SqliteStore::open(&letter.join("store.db")));
    assert!(message.contains("its folder can't be made"), "{message}");
    let message = refusal(SqliteStore::open(folder.path()));
    assert!(message.contains("unable to open database file"), "{message}");
}

/// What is on the disk at this moment is all that would be left if the process were killed.
#[tokio::test]
async fn what_was_committed_survives_a_kill() {
    let database = SqliteFile::new();
    let store = database.open().await;
    append(&store, || at("A", 0, vec![said(1)])).await;
    handle(&store, &[1], || Writes { outbox: vec![record("R")], ..Writes::default() }).await;

    let left = SqliteFile::new();
    for suffix in ["", "-wal"] {
        std::fs::copy(with_suffix(&database.path(), suffix), with_suffix(&left.path(), suffix)).expect("is there");
    }
    let restarted = left.open().await;
    assert_eq!(fold(&load(&restarted, "A").await), [1]);
    assert_eq!(waiting(&restarted).await, ["R"]);
    assert_eq!(handle(&restarted, &[1, 2], Writes::default).await, seen(&[1]));
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// Readers have connections of their own and wait for no transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_sees_what_is_committed_while_a_transaction_runs() {
    use crate::fixture::Script;
    use store::Step;
    let database = SqliteFile::new();
    let store = database.open().await;
    write(&store, || Writes { streams: vec![at("A", 0, vec![said(1)])], ..Writes::default() }).await;

    let (running, is_running) = std::sync::mpsc::channel();
    let (finish, may_finish) = std::sync::mpsc::channel::<()>();
    let transaction = Script::new(vec![], move |_| {
        running.send(()).expect("the test waits");
        may_finish.recv().expect("the test goes on");
        Ok(Step::Write(Writes { streams: vec![at("A", 1, vec![said(2)])], ..Writes::default() }))
    });
    let task = tokio::spawn({
        let store = store.clone();
        async move { store.transact(transaction).await.1 }
    });
    is_running.recv().expect("the transaction runs");
    assert_eq!(fold(&load(&store, "A").await), [1]);
    finish.send(()).expect("the transaction waits");
    task.await.expect("runs").expect("is written");
    assert_eq!(fold(&load(&store, "A").await), [1, 2]);
}
