//! Tables and migrations.

use tokio_postgres::Client;

use super::{Server, keys, read_positions};
use crate::StoreError;

/// Each entry migrates the database from the version of its index to the next. Released entries never change.
const MIGRATIONS: &[&str] = &[
    "
    -- One row for each stream. Events refer to it by a small number, so that the events of one stream, which are written
    -- close in time, are close in the index, too, whatever its name. The rows leave room on their pages for their next
    -- versions.
    CREATE TABLE streams (
        id bigint GENERATED ALWAYS AS IDENTITY,
        name text COLLATE \"C\" NOT NULL UNIQUE,
        category text COLLATE \"C\" NOT NULL,
        version bigint NOT NULL,
        snapshot bigint NOT NULL DEFAULT 0,
        status text COLLATE \"C\" NOT NULL,
        correlation uuid NOT NULL,
        trace text NOT NULL,
        due timestamptz,
        PRIMARY KEY (category, id)
    ) WITH (fillfactor = 70);
    CREATE INDEX streams_by_status ON streams (category, status, id);
    CREATE INDEX streams_due ON streams (due) WHERE due IS NOT NULL;
    COMMENT ON COLUMN streams.snapshot IS 'the version of the latest snapshot; 0: there is none';

    -- No foreign key to streams: an event is written with its stream's row locked, and the check would cost as much as the
    -- insert.
    CREATE TABLE events (
        stream bigint NOT NULL,
        version bigint NOT NULL,
        id uuid NOT NULL,
        name text NOT NULL,
        schema text NOT NULL,
        data text NOT NULL,
        time timestamptz NOT NULL,
        correlation uuid NOT NULL,
        causation uuid,
        PRIMARY KEY (stream, version)
    );

    CREATE TABLE snapshots (
        stream bigint NOT NULL,
        version bigint NOT NULL,
        time timestamptz NOT NULL,
        state text NOT NULL,
        PRIMARY KEY (stream, version)
    );

    CREATE TABLE inbox (
        message uuid PRIMARY KEY,
        received timestamptz NOT NULL
    );

    CREATE TABLE outbox (
        position bigint PRIMARY KEY,
        topic text NOT NULL,
        key bytea,
        headers bytea NOT NULL,
        payload bytea NOT NULL,
        committed timestamptz NOT NULL
    );

    CREATE TABLE intents (
        position bigint PRIMARY KEY,
        event uuid NOT NULL UNIQUE,
        body text NOT NULL
    );

    -- The last positions assigned, in one row. A transaction that assigns some holds its lock until the commit, so positions
    -- become visible in order and without gaps: no row appears before one that a reader has passed.
    CREATE TABLE positions (
        outbox bigint NOT NULL,
        intents bigint NOT NULL
    ) WITH (fillfactor = 10);
    INSERT INTO positions VALUES (0, 0);

    -- Records to retry later. The first of an ordering key blocks the others.
    CREATE TABLE parked (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        order_id uuid NOT NULL,
        topic text NOT NULL,
        partition int NOT NULL,
        record_offset bigint NOT NULL,
        timestamp_ms bigint,
        key bytea,
        headers bytea NOT NULL,
        payload bytea NOT NULL,
        attempts bigint NOT NULL,
        error text NOT NULL,
        due timestamptz NOT NULL,
        UNIQUE (topic, partition, record_offset)
    );
    CREATE INDEX parked_by_order ON parked (order_id, position);
    CREATE INDEX parked_due ON parked (due);
",
    "
    -- The ordering key is text: the record key.
    ALTER TABLE parked ALTER COLUMN order_id TYPE text COLLATE \"C\" USING order_id::text;
    ALTER TABLE parked RENAME COLUMN order_id TO ordering_key;
    ALTER INDEX parked_by_order RENAME TO parked_by_key;
",
    read_positions::TABLE,
];

/// Checks the version of a database that is opened for reading.
pub(super) async fn check(client: &Client, server: &Server) -> Result<(), StoreError> {
    let version: i32 = client.query_one("SELECT max(version) FROM schema_version", &[]).await?.get(0);
    let known = MIGRATIONS.len();
    if usize::try_from(version) == Ok(known) {
        return Ok(());
    }
    let reason = format!("schema version {version} does not match version {known} of this build");
    Err(StoreError::Url { url: server.shown.clone(), reason })
}

/// Migrates the database to the newest version in one transaction. Of several instances that start at the same time, one
/// migrates and the others wait.
pub(super) async fn migrate(client: &mut Client, server: &Server) -> Result<(), StoreError> {
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&keys::MIGRATION]).await?;
    transaction
        .batch_execute(
            "SET LOCAL client_min_messages = warning;
             CREATE TABLE IF NOT EXISTS schema_version (version int NOT NULL)",
        )
        .await?;
    let version: i32 = transaction.query_one("SELECT coalesce(max(version), 0) FROM schema_version", &[]).await?.get(0);
    let known = MIGRATIONS.len();
    let steps = usize::try_from(version).ok().and_then(|version| MIGRATIONS.get(version..));
    let steps = steps.ok_or_else(|| StoreError::Url {
        url: server.shown.clone(),
        reason: format!("schema version {version} is newer than version {known} of this build"),
    })?;
    for step in steps {
        transaction.batch_execute(step).await?;
    }
    if !steps.is_empty() {
        let known = i32::try_from(known).expect("few migrations");
        transaction.execute("INSERT INTO schema_version VALUES ($1)", &[&known]).await?;
    }
    Ok(transaction.commit().await?)
}
