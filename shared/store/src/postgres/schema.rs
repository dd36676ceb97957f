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
    "
    -- One log. Each event has a position among all events of the service. A transaction takes one block of 65,536 positions, so
    -- a reader recognizes a transaction that may still commit by its missing block. Events also have everything that their
    -- Kafka record needs: a number among the public events of their stream, the length of the chain of their causes, and their
    -- place in a trace. Internal events have none of these.
    ALTER TABLE events RENAME TO old_events;
    ALTER INDEX events_pkey RENAME TO old_events_pkey;
    CREATE TABLE events (
        position bigint PRIMARY KEY,
        stream bigint NOT NULL,
        version bigint NOT NULL,
        id uuid NOT NULL,
        name text NOT NULL,
        schema text NOT NULL,
        data text NOT NULL,
        time timestamptz NOT NULL,
        correlation uuid NOT NULL,
        causation uuid,
        sequence bigint,
        hops bigint,
        trace text,
        UNIQUE (stream, version)
    );
    INSERT INTO events
    SELECT row_number() OVER (ORDER BY latest, stream, version), stream, version, id, name, schema, data, time, correlation,
           causation, CASE WHEN schema <> 'private' THEN published END, CASE WHEN schema <> 'private' THEN 0 END,
           CASE WHEN schema <> 'private' THEN trace END
    FROM (SELECT old_events.*, streams.trace,
                 max(time) OVER (PARTITION BY stream ORDER BY old_events.version) AS latest,
                 count(*) FILTER (WHERE schema <> 'private') OVER (PARTITION BY stream ORDER BY old_events.version)
                     AS published
          FROM old_events JOIN streams ON streams.id = old_events.stream) AS numbered;
    DROP TABLE old_events;
    CREATE UNIQUE INDEX streams_by_id ON streams (id);
    CREATE SEQUENCE log_block MINVALUE 0;
    SELECT setval('log_block', (coalesce(max(position), 0) + 65535) / 65536, false) FROM events;

    -- The head of a stream: the number of its public events, the ids of the messages that it has processed, 16 bytes each, and
    -- the last wave in which its events were published again.
    ALTER TABLE streams ADD COLUMN published bigint NOT NULL DEFAULT 0, ADD COLUMN processed bytea NOT NULL DEFAULT '',
                        ADD COLUMN wave uuid;
    UPDATE streams SET published = counted.published
    FROM (SELECT stream, count(sequence) AS published FROM events GROUP BY stream) AS counted
    WHERE counted.stream = streams.id;

    -- Ids that an older version has processed, consulted for the messages that arrive again. Nothing is added.
    ALTER TABLE inbox RENAME TO old_inbox;

    -- Kafka has all public events up to this position. The rows of the outbox were numbered nearly like this, so the cursor
    -- stays behind by more events than instances commit at a time: publishing an event again does no harm.
    CREATE TABLE published (position bigint NOT NULL) WITH (fillfactor = 10);
    INSERT INTO published SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM outbox)
        THEN (SELECT coalesce(max(position), 0) FROM events)
        ELSE coalesce((SELECT position FROM events WHERE sequence IS NOT NULL ORDER BY position DESC LIMIT 1
                       OFFSET (SELECT positions.outbox - (SELECT min(position) FROM outbox) + 10000 FROM positions)), 0) END;

    -- Records that cannot be processed. Rows that are not published wait for it.
    CREATE TABLE dead_letters (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id uuid NOT NULL UNIQUE,
        topic text NOT NULL,
        key bytea,
        headers bytea NOT NULL,
        payload bytea NOT NULL,
        is_published boolean NOT NULL
    );
    CREATE INDEX dead_letters_unpublished ON dead_letters (position) WHERE NOT is_published;
    INSERT INTO dead_letters (id, topic, key, headers, payload, is_published)
    SELECT gen_random_uuid(), topic, key, headers, payload, false FROM outbox WHERE topic LIKE '%.dlq' ORDER BY position;
    DROP TABLE outbox;

    -- Records that the broker refuses. The first of a topic and key blocks the others. The ordering key is the key, or empty.
    CREATE TABLE unsent (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id uuid NOT NULL,
        topic text COLLATE \"C\" NOT NULL,
        ordering_key bytea NOT NULL,
        key bytea,
        headers bytea NOT NULL,
        payload bytea NOT NULL,
        attempts bigint NOT NULL,
        error text NOT NULL,
        due timestamptz NOT NULL,
        UNIQUE (topic, id)
    );
    CREATE INDEX unsent_by_key ON unsent (topic, ordering_key, position);

    -- Streams whose public events are to be published again.
    CREATE TABLE replays (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        stream text NOT NULL,
        wave uuid NOT NULL
    );

    -- Open calls have the position of the event that requests them.
    ALTER TABLE intents RENAME TO old_intents;
    ALTER INDEX intents_pkey RENAME TO old_intents_pkey;
    CREATE TABLE intents (
        position bigint PRIMARY KEY,
        event uuid NOT NULL,
        body text NOT NULL
    );
    INSERT INTO intents SELECT events.position, event, body FROM events JOIN old_intents ON old_intents.event = events.id;
    DROP TABLE old_intents;
    DROP TABLE positions;

    -- A message is parked once.
    ALTER TABLE parked ADD COLUMN message uuid;
    CREATE UNIQUE INDEX parked_by_message ON parked (message) WHERE message IS NOT NULL;
",
];

/// Checks the version of a database that is opened for reading.
pub(super) async fn check(client: &Client, server: &Server) -> Result<(), StoreError> {
    let version: i32 = client.query_one("SELECT max(version) FROM schema_version", &[]).await?.get(0);
    let known = MIGRATIONS.len();
    if usize::try_from(version) == Ok(known) {
        return Ok(());
    }
    let reason = format!("schema version {version} does not match version {known} of this build");
    Err(StoreError::Url { url: server.redacted_url.clone(), reason })
}

/// Migrates the database to the newest version in one transaction. Of several instances that start at the same time, one
/// migrates and the others wait.
pub(super) async fn migrate(client: &mut Client, server: &Server) -> Result<(), StoreError> {
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&keys::MIGRATION]).await?;
    transaction
        .batch_execute(
            // Migrations read whole tables, for which the plans of the session settings are slow.
            "SET LOCAL client_min_messages = warning;
             SET LOCAL enable_seqscan = on;
             SET LOCAL enable_hashjoin = on;
             SET LOCAL enable_mergejoin = on;
             CREATE TABLE IF NOT EXISTS schema_version (version int NOT NULL)",
        )
        .await?;
    let version: i32 = transaction.query_one("SELECT coalesce(max(version), 0) FROM schema_version", &[]).await?.get(0);
    let known = MIGRATIONS.len();
    let steps = usize::try_from(version).ok().and_then(|version| MIGRATIONS.get(version..));
    let steps = steps.ok_or_else(|| StoreError::Url {
        url: server.redacted_url.clone(),
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
