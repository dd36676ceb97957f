//! The statements of a transaction. All are prepared before it begins, so that those that don't need each other's answers
//! can be sent one after the other without waiting.

use deadpool_postgres::ClientWrapper;
use futures::{FutureExt as _, future::try_join_all};
use tokio_postgres::{Error, Statement};

/// A table of statements: one field for each.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:literal;)+) => {
        pub(super) struct Statements {
            $($(#[$doc])* pub(super) $name: Statement,)+
        }

        impl Statements {
            /// Prepared on this connection: the first time by the server, later from memory.
            pub(super) async fn of(client: &ClientWrapper) -> Result<Self, Error> {
                let prepared = try_join_all([$(client.prepare_cached($sql).boxed(),)+]).await?;
                let mut prepared = prepared.into_iter();
                Ok(Self { $($name: prepared.next().expect("one for each"),)+ })
            }
        }
    };
}

statements! {
    /// Those of the messages that were not there yet.
    receive = "INSERT INTO inbox (message, received) SELECT message, $2 FROM unnest($1::uuid[]) AS message
               ON CONFLICT DO NOTHING RETURNING message";
    /// Whether anything is parked.
    anything_parked = "SELECT EXISTS (SELECT 1 FROM parked)";
    held = "SELECT DISTINCT order_id FROM parked WHERE order_id = ANY($1)";

    /// Streams' rows, locked in the order of their names. Who comes second waits.
    lock = "SELECT id, name, version, correlation, trace FROM streams WHERE name = ANY($1) ORDER BY name FOR UPDATE";
    /// The same; but who comes second is refused.
    try_lock = "SELECT id, name, version, correlation, trace FROM streams WHERE name = ANY($1) ORDER BY name
                FOR UPDATE NOWAIT";
    latest_snapshots = "SELECT snapshots.stream, snapshots.version, snapshots.time, snapshots.state FROM streams
                        JOIN snapshots ON snapshots.stream = streams.id AND snapshots.version = streams.snapshot
                        WHERE streams.name = ANY($1) AND streams.snapshot > 0";
    /// Of each stream those after a version, or, after none, those after its latest snapshot.
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
    change = "UPDATE streams SET version = new.version, snapshot = coalesce(new.snapshot, streams.snapshot),
                                 status = new.status, due = new.due
              FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[])
                   AS new (name, version, snapshot, status, due)
              WHERE streams.name = new.name";
    append = "INSERT INTO events (stream, version, id, name, schema, data, time, correlation, causation)
              SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                                   $7::timestamptz[], $8::uuid[], $9::uuid[])";
    keep_snapshots = "INSERT INTO snapshots (stream, version, time, state)
                      SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[])";
    /// Of each stream the one that is now too many, unless the next older one is far from it.
    thin_snapshots = "DELETE FROM snapshots USING unnest($1::bigint[]) AS kept (stream)
                      WHERE snapshots.stream = kept.stream AND snapshots.version =
                          (SELECT version FROM snapshots AS newer WHERE newer.stream = kept.stream
                           ORDER BY version DESC LIMIT 1 OFFSET $2)
                      AND EXISTS (SELECT 1 FROM snapshots AS before WHERE before.stream = kept.stream
                                  AND before.version < snapshots.version AND before.version > snapshots.version - $3)";

    forget_published = "DELETE FROM outbox WHERE position = ANY($1)";
    answer = "DELETE FROM intents WHERE event = ANY($1)";
    park = "INSERT INTO parked (order_id, topic, partition, record_offset, timestamp_ms, key, headers, payload, attempts,
                                error, due)
            SELECT order_id, topic, partition, record_offset, timestamp_ms, key, headers, payload, attempts, error, due
            FROM unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[],
                        $8::bytea[], $9::bigint[], $10::text[], $11::timestamptz[]) WITH ORDINALITY
                 AS new (order_id, topic, partition, record_offset, timestamp_ms, key, headers, payload, attempts, error,
                         due, number)
            ORDER BY number ON CONFLICT DO NOTHING";
    postpone = "UPDATE parked SET attempts = new.attempts, error = new.error, due = new.due
                FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[])
                     AS new (position, attempts, error, due)
                WHERE parked.position = new.position";
    unpark = "DELETE FROM parked WHERE position = ANY($1)";

    /// Gives the position before the first.
    open_intents = "WITH taken AS (UPDATE positions SET intents = intents + cardinality($1::uuid[])
                                   RETURNING intents - cardinality($1::uuid[]) AS before),
                         written AS (INSERT INTO intents (position, event, body)
                                     SELECT before + number, event, body FROM taken,
                                            unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS new (event, body, number))
                    SELECT before FROM taken";
    /// Gives the position before the first.
    put_out = "WITH taken AS (UPDATE positions SET outbox = outbox + cardinality($1::text[])
                              RETURNING outbox - cardinality($1::text[]) AS before),
                    written AS (INSERT INTO outbox (position, topic, key, headers, payload, committed)
                                SELECT before + number, topic, key, headers, payload, $5 FROM taken,
                                       unnest($1::text[], $2::bytea[], $3::bytea[], $4::bytea[]) WITH ORDINALITY
                                       AS new (topic, key, headers, payload, number))
               SELECT before FROM taken";
}
