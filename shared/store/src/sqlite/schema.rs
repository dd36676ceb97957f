//! Tables and migrations.

use rusqlite::Connection;

use super::read_positions;
use crate::StoreError;

/// Each entry migrates the database from the version of its index to the next. Released entries never change.
const MIGRATIONS: &[&str] = &["
    -- One row for each stream. Events refer to it by a small number, so that the events of one stream, which are written
    -- close in time, are close in the index, too, whatever its name.
    CREATE TABLE streams (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        category TEXT NOT NULL,
        version INTEGER NOT NULL,
        status TEXT NOT NULL,
        correlation BLOB NOT NULL,
        trace TEXT NOT NULL,
        due_us INTEGER
    ) STRICT;
    CREATE INDEX streams_by_category ON streams (category, id);
    CREATE INDEX streams_by_status ON streams (category, status, id);
    CREATE INDEX streams_due ON streams (due_us) WHERE due_us IS NOT NULL;

    -- Rows are in the order in which they were appended, so that a transaction fills few pages, whatever streams it
    -- concerns. No foreign key to streams: an event is written in one transaction with its stream's row.
    CREATE TABLE events (
        stream INTEGER NOT NULL,
        version INTEGER NOT NULL,
        id BLOB NOT NULL,
        name TEXT NOT NULL,
        schema TEXT NOT NULL,
        data TEXT NOT NULL,
        time_us INTEGER NOT NULL,
        correlation BLOB NOT NULL,
        causation BLOB,
        UNIQUE (stream, version)
    ) STRICT;

    CREATE TABLE snapshots (
        stream INTEGER NOT NULL,
        version INTEGER NOT NULL,
        time_us INTEGER NOT NULL,
        state TEXT NOT NULL,
        PRIMARY KEY (stream, version)
    ) STRICT;

    CREATE TABLE inbox (
        message BLOB PRIMARY KEY,
        received_us INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE outbox (
        position INTEGER PRIMARY KEY,
        topic TEXT NOT NULL,
        key BLOB,
        headers BLOB NOT NULL,
        payload BLOB NOT NULL,
        committed_us INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE intents (
        position INTEGER PRIMARY KEY,
        event BLOB NOT NULL UNIQUE,
        body TEXT NOT NULL
    ) STRICT;

    -- The last positions assigned, in one row: none is reused, although rows are deleted.
    CREATE TABLE positions (
        outbox INTEGER NOT NULL,
        intents INTEGER NOT NULL
    ) STRICT;
    INSERT INTO positions VALUES (0, 0);

    -- Records to retry later. The first of an ordering key blocks the others.
    -- AUTOINCREMENT: a position is never reused, although rows are deleted.
    CREATE TABLE parked (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        order_id BLOB NOT NULL,
        topic TEXT NOT NULL,
        partition INTEGER NOT NULL,
        record_offset INTEGER NOT NULL,
        timestamp_ms INTEGER,
        key BLOB,
        headers BLOB NOT NULL,
        payload BLOB NOT NULL,
        attempts INTEGER NOT NULL,
        error TEXT NOT NULL,
        due_us INTEGER NOT NULL,
        UNIQUE (topic, partition, record_offset)
    ) STRICT;
    CREATE INDEX parked_by_order ON parked (order_id, position);
    CREATE INDEX parked_due ON parked (due_us);
", "
    -- The ordering key is text: the record key. It used to be the 16 bytes of a UUID.
    ALTER TABLE parked ADD COLUMN ordering_key TEXT NOT NULL DEFAULT '';
    UPDATE parked SET ordering_key = lower(
        substr(hex(order_id), 1, 8) || '-' || substr(hex(order_id), 9, 4) || '-' || substr(hex(order_id), 13, 4) || '-' ||
        substr(hex(order_id), 17, 4) || '-' || substr(hex(order_id), 21));
    DROP INDEX parked_by_order;
    ALTER TABLE parked DROP COLUMN order_id;
    CREATE INDEX parked_by_key ON parked (ordering_key, position);
", read_positions::TABLE, "
    -- One log. An event has a position among all events of the service, and everything that its Kafka record needs: a number
    -- among the public events of its stream, the length of the chain of its causes, and its place in a trace. Internal events
    -- have none of these.
    ALTER TABLE events RENAME TO old_events;
    CREATE TABLE events (
        position INTEGER PRIMARY KEY,
        stream INTEGER NOT NULL,
        version INTEGER NOT NULL,
        id BLOB NOT NULL,
        name TEXT NOT NULL,
        schema TEXT NOT NULL,
        data TEXT NOT NULL,
        time_us INTEGER NOT NULL,
        correlation BLOB NOT NULL,
        causation BLOB,
        sequence INTEGER,
        hops INTEGER,
        trace TEXT,
        UNIQUE (stream, version)
    ) STRICT;
    INSERT INTO events
    SELECT old_events.rowid, stream, old_events.version, old_events.id, old_events.name, schema, data, time_us,
           old_events.correlation, causation,
           CASE WHEN schema <> 'private'
                THEN sum(schema <> 'private') OVER (PARTITION BY stream ORDER BY old_events.version) END,
           CASE WHEN schema <> 'private' THEN 0 END,
           CASE WHEN schema <> 'private' THEN streams.trace END
    FROM old_events JOIN streams ON streams.id = stream ORDER BY old_events.rowid;
    DROP TABLE old_events;

    -- The head of a stream: the number of its public events, the ids of the messages that it has processed, 16 bytes each, and
    -- the last wave in which its events were published again.
    ALTER TABLE streams ADD COLUMN published INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE streams ADD COLUMN processed BLOB NOT NULL DEFAULT x'';
    ALTER TABLE streams ADD COLUMN wave BLOB;
    UPDATE streams SET published = (SELECT count(sequence) FROM events WHERE stream = streams.id);

    -- Ids that an older version has processed, consulted for the messages that arrive again. Nothing is added.
    ALTER TABLE inbox RENAME TO old_inbox;

    -- Kafka has all public events up to this position. The rows of the outbox were numbered in the order of the log, but within
    -- a transaction not by stream, so the cursor stays behind by more events than a transaction has: publishing an event again
    -- does no harm.
    CREATE TABLE published (position INTEGER NOT NULL) STRICT;
    INSERT INTO published SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM outbox)
        THEN (SELECT coalesce(max(position), 0) FROM events)
        ELSE coalesce((SELECT position FROM events WHERE sequence IS NOT NULL ORDER BY position DESC LIMIT 1
                       OFFSET (SELECT positions.outbox - (SELECT min(position) FROM outbox) + 10000 FROM positions)), 0) END;

    -- Records that cannot be processed. Rows that are not published wait for it.
    CREATE TABLE dead_letters (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        id BLOB NOT NULL UNIQUE,
        topic TEXT NOT NULL,
        key BLOB,
        headers BLOB NOT NULL,
        payload BLOB NOT NULL,
        is_published INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX dead_letters_unpublished ON dead_letters (position) WHERE is_published = 0;
    INSERT INTO dead_letters (id, topic, key, headers, payload, is_published)
    SELECT randomblob(16), topic, key, headers, payload, 0 FROM outbox WHERE topic LIKE '%.dlq' ORDER BY position;
    DROP TABLE outbox;

    -- Records that the broker refuses. The first of a topic and key blocks the others. The ordering key is the key, or empty.
    CREATE TABLE unsent (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        id BLOB NOT NULL,
        topic TEXT NOT NULL,
        ordering_key BLOB NOT NULL,
        key BLOB,
        headers BLOB NOT NULL,
        payload BLOB NOT NULL,
        attempts INTEGER NOT NULL,
        error TEXT NOT NULL,
        due_us INTEGER NOT NULL,
        UNIQUE (topic, id)
    ) STRICT;
    CREATE INDEX unsent_by_key ON unsent (topic, ordering_key, position);

    -- Streams whose public events are to be published again.
    CREATE TABLE replays (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        stream TEXT NOT NULL,
        wave BLOB NOT NULL
    ) STRICT;

    -- Open calls have the position of the event that requests them.
    ALTER TABLE intents RENAME TO old_intents;
    CREATE TABLE intents (
        position INTEGER PRIMARY KEY,
        event BLOB NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    INSERT INTO intents SELECT events.position, event, body FROM events JOIN old_intents ON old_intents.event = events.id;
    DROP TABLE old_intents;
    DROP TABLE positions;

    -- A message is parked once.
    ALTER TABLE parked ADD COLUMN message BLOB;
    CREATE UNIQUE INDEX parked_by_message ON parked (message) WHERE message IS NOT NULL;
"];

/// Checks the version of a database that is opened for reading.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    let version: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == MIGRATIONS.len() {
        return Ok(());
    }
    Err(StoreError::Url {
        url: connection.path().unwrap_or_default().to_owned(),
        reason: format!("schema version {version} does not match version {} of this build", MIGRATIONS.len()),
    })
}

/// Migrates the database to the newest version in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    let version: usize = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let steps = MIGRATIONS.get(version..).ok_or_else(|| StoreError::Url {
        url: transaction.path().unwrap_or_default().to_owned(),
        reason: format!("schema version {version} is newer than version {} of this build", MIGRATIONS.len()),
    })?;
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
    transaction.commit()?;
    Ok(())
}
