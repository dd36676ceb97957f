//! The statements of a transaction. All are prepared before it begins, so that independent statements can be pipelined.

use deadpool_postgres::ClientWrapper;
use futures::{FutureExt as _, future::try_join_all};
use tokio_postgres::{Error, Statement};

/// Declares a struct with one prepared statement per field.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:literal;)+) => {
        pub(super) struct Statements {
            $($(#[$doc])* pub(super) $name: Statement,)+
        }

        impl Statements {
            /// Prepares all statements on this connection, or takes them from its cache.
            pub(super) async fn of(client: &ClientWrapper) -> Result<Self, Error> {
                let prepared = try_join_all([$(client.prepare_cached($sql).boxed(),)+]).await?;
                let mut prepared = prepared.into_iter();
                Ok(Self { $($name: prepared.next().expect("one result per statement"),)+ })
            }
        }
    };
}

statements! {
    /// Returns the messages that were not in the inbox yet.
    receive = "INSERT INTO inbox (message, received) SELECT message, $2 FROM unnest($1::uuid[]) AS message
               ON CONFLICT DO NOTHING RETURNING message";
    any_parked = "SELECT EXISTS (SELECT 1 FROM parked)";
    blocked_keys = "SELECT DISTINCT ordering_key FROM parked WHERE ordering_key = ANY($1)";

    /// Locks stream rows in the order of their names and waits for other holders.
    lock = "SELECT id, name, version, correlation, trace FROM streams WHERE name = ANY($1) ORDER BY name FOR UPDATE";
    /// Locks stream rows in the order of their names and fails if another transaction holds one.
    try_lock = "SELECT id, name, version, correlation, trace FROM streams WHERE name = ANY($1) ORDER BY name
                FOR UPDATE NOWAIT";
    latest_snapshots = "SELECT snapshots.stream, snapshots.version, snapshots.time, snapshots.state FROM streams
                        JOIN snapshots ON snapshots.stream = streams.id AND snapshots.version = streams.snapshot
                        WHERE streams.name = ANY($1) AND streams.snapshot > 0";
    /// Reads the events of each stream after a version, or after its latest snapshot if the version is 0.
    events_since = "SELECT events.version, events.id, events.name, events.schema, events.data, events.time,
                           events.correlation, events.causation, events.stream
                    FROM unnest($1::text[], $2::bigint[]) AS wanted (name, known)
                    JOIN streams ON streams.name = wanted.name AND streams.version > wanted.known
                    JOIN events ON events.stream = streams.id
                         AND events.version > CASE wanted.known WHEN 0 THEN streams.snapshot ELSE wanted.known END
                    ORDER BY events.stream, events.version";

    create = "INSERT INTO streams (name, category, version, snapshot, status, correlation, trace, due)
              SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::uuid[], $7::text[],
                                   $8::timestamptz[])
              ON CONFLICT DO NOTHING RETURNING name, id";
    update = "UPDATE streams SET version = new.version, snapshot = coalesce(new.snapshot, streams.snapshot),
                                 status = new.status, due = new.due
              FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[])
                   AS new (name, version, snapshot, status, due)
              WHERE streams.name = new.name";
    append = "INSERT INTO events (stream, version, id, name, schema, data, time, correlation, causation)
              SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                                   $7::timestamptz[], $8::uuid[], $9::uuid[])";
    insert_snapshots = "INSERT INTO snapshots (stream, version, time, state)
                        SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[])";
    /// Deletes the snapshot of each stream that exceeds the limit, unless the next older snapshot is too far from it.
    thin_snapshots = "DELETE FROM snapshots USING unnest($1::bigint[]) AS kept (stream)
                      WHERE snapshots.stream = kept.stream AND snapshots.version =
                          (SELECT version FROM snapshots AS newer WHERE newer.stream = kept.stream
                           ORDER BY version DESC LIMIT 1 OFFSET $2)
                      AND EXISTS (SELECT 1 FROM snapshots AS before WHERE before.stream = kept.stream
                                  AND before.version < snapshots.version AND before.version > snapshots.version - $3)";

    delete_published = "DELETE FROM outbox WHERE position = ANY($1)";
    close_intents = "DELETE FROM intents WHERE event = ANY($1)";
    park = "INSERT INTO parked (ordering_key, topic, partition, record_offset, timestamp_ms, key, headers, payload, attempts,
                                error, due)
            SELECT ordering_key, topic, partition, record_offset, timestamp_ms, key, headers, payload, attempts, error, due
            FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[],
                        $8::bytea[], $9::bigint[], $10::text[], $11::timestamptz[]) WITH ORDINALITY
                 AS new (ordering_key, topic, partition, record_offset, timestamp_ms, key, headers, payload, attempts, error,
                         due, number)
            ORDER BY number ON CONFLICT DO NOTHING";
    reschedule = "UPDATE parked SET attempts = new.attempts, error = new.error, due = new.due
                FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[])
                     AS new (position, attempts, error, due)
                WHERE parked.position = new.position";
    set_read_positions = "INSERT INTO read_positions (topic, partition, next_offset)
                          SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[])
                          ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset";
    resolve = "DELETE FROM parked WHERE position = ANY($1)";

    /// Returns the position before the first.
    open_intents = "WITH taken AS (UPDATE positions SET intents = intents + cardinality($1::uuid[])
                                   RETURNING intents - cardinality($1::uuid[]) AS before),
                         written AS (INSERT INTO intents (position, event, body)
                                     SELECT before + number, event, body FROM taken,
                                            unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS new (event, body, number))
                    SELECT before FROM taken";
    /// Returns the position before the first.
    insert_outbox = "WITH taken AS (UPDATE positions SET outbox = outbox + cardinality($1::text[])
                              RETURNING outbox - cardinality($1::text[]) AS before),
                    written AS (INSERT INTO outbox (position, topic, key, headers, payload, committed)
                                SELECT before + number, topic, key, headers, payload, $5 FROM taken,
                                       unnest($1::text[], $2::bytea[], $3::bytea[], $4::bytea[]) WITH ORDINALITY
                                       AS new (topic, key, headers, payload, number))
               SELECT before FROM taken";
}
