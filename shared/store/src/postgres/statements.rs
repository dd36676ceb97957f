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
    /// Returns whether any record is parked, and whether there is any dead letter.
    any_waiting = "SELECT EXISTS (SELECT 1 FROM parked), EXISTS (SELECT 1 FROM dead_letters)";
    in_old_inbox = "SELECT message FROM old_inbox WHERE message = ANY($1)";
    open_dead_letters = "SELECT id FROM dead_letters WHERE id = ANY($1)";
    blocked_keys = "SELECT DISTINCT ordering_key FROM parked WHERE ordering_key = ANY($1)";

    /// Locks stream rows in the order of their names and waits for other holders.
    lock = "SELECT id, name, version, correlation, trace, published, processed, wave FROM streams
            WHERE name = ANY($1) ORDER BY name FOR UPDATE";
    /// Locks stream rows in the order of their names and fails if another transaction holds one.
    try_lock = "SELECT id, name, version, correlation, trace, published, processed, wave FROM streams
                WHERE name = ANY($1) ORDER BY name FOR UPDATE NOWAIT";
    latest_snapshots = "SELECT snapshots.stream, snapshots.version, snapshots.time, snapshots.state FROM streams
                        JOIN snapshots ON snapshots.stream = streams.id AND snapshots.version = streams.snapshot
                        WHERE streams.name = ANY($1) AND streams.snapshot > 0";
    /// Reads the events of each stream after a version, or after its latest snapshot if the version is 0.
    events_since = "SELECT events.version, events.id, events.name, events.schema, events.data, events.time,
                           events.correlation, events.causation, events.sequence, events.hops, events.trace,
                           events.stream
                    FROM unnest($1::text[], $2::bigint[]) AS wanted (name, known)
                    JOIN streams ON streams.name = wanted.name AND streams.version > wanted.known
                    JOIN events ON events.stream = streams.id
                         AND events.version > CASE wanted.known WHEN 0 THEN streams.snapshot ELSE wanted.known END
                    ORDER BY events.stream, events.version";

    create = "INSERT INTO streams (name, category, version, snapshot, status, correlation, trace, due, published, processed,
                                   wave)
              SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::uuid[], $7::text[],
                                   $8::timestamptz[], $9::bigint[], $10::bytea[], $11::uuid[])
              ON CONFLICT DO NOTHING RETURNING name, id";
    /// Writes correlation id and trace with the first event only.
    update = "UPDATE streams SET version = new.version, snapshot = coalesce(new.snapshot, streams.snapshot),
                                 status = new.status, due = new.due, published = new.published,
                                 processed = new.processed, wave = new.wave,
                                 correlation = CASE streams.version WHEN 0 THEN new.correlation ELSE streams.correlation END,
                                 trace = CASE streams.version WHEN 0 THEN new.trace ELSE streams.trace END
              FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[], $6::bigint[], $7::bytea[],
                          $8::uuid[], $9::uuid[], $10::text[])
                   AS new (name, version, snapshot, status, due, published, processed, wave, correlation, trace)
              WHERE streams.name = new.name";
    /// Shows other sessions that this transaction may append, until its end.
    announce = "SELECT pg_advisory_xact_lock_shared($1)";
    /// Takes the next block of positions and returns its number.
    append = "WITH block AS MATERIALIZED (SELECT nextval('log_block') AS number),
                   written AS (INSERT INTO events (position, stream, version, id, name, schema, data, time, correlation,
                                                   causation, sequence, hops, trace)
                               SELECT (block.number << 16) + new.number, stream, version, id, name, schema, data, time,
                                      correlation, causation, sequence, hops, trace
                               FROM block,
                                    unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                                           $7::timestamptz[], $8::uuid[], $9::uuid[], $10::bigint[], $11::bigint[],
                                           $12::text[]) WITH ORDINALITY
                                    AS new (stream, version, id, name, schema, data, time, correlation, causation, sequence,
                                            hops, trace, number))
              SELECT number FROM block";
    insert_snapshots = "INSERT INTO snapshots (stream, version, time, state)
                        SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[])";
    /// For each stream, deletes the first snapshot beyond the limit, unless the next older one is too far from it.
    delete_surplus_snapshots = "DELETE FROM snapshots USING unnest($1::bigint[]) AS kept (stream)
                      WHERE snapshots.stream = kept.stream AND snapshots.version =
                          (SELECT version FROM snapshots AS newer WHERE newer.stream = kept.stream
                           ORDER BY version DESC LIMIT 1 OFFSET $2)
                      AND EXISTS (SELECT 1 FROM snapshots AS before WHERE before.stream = kept.stream
                                  AND before.version < snapshots.version AND before.version > snapshots.version - $3)";

    delete_intents = "DELETE FROM intents WHERE position = ANY($1)";
    advance_cursor = "UPDATE published SET position = $1 WHERE position < $1";
    /// Updates on conflict, because another transaction may have inserted the id after this one deleted the old row.
    insert_dead_letters = "INSERT INTO dead_letters (id, topic, key, headers, payload, is_published)
                           SELECT id, topic, key, headers, payload, false
                           FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::bytea[]) WITH ORDINALITY
                                AS new (id, topic, key, headers, payload, number)
                           ORDER BY number
                           ON CONFLICT (id) DO UPDATE SET topic = excluded.topic, key = excluded.key,
                               headers = excluded.headers, payload = excluded.payload, is_published = false";
    insert_replays = "INSERT INTO replays (stream, wave) SELECT * FROM unnest($1::text[], $2::uuid[])";
    delete_dead_letters = "DELETE FROM dead_letters WHERE id = ANY($1)";
    park = "INSERT INTO parked (ordering_key, topic, partition, record_offset, timestamp_ms, key, headers, payload, attempts,
                                error, due, message)
            SELECT ordering_key, topic, partition, record_offset, timestamp_ms, key, headers, payload, attempts, error, due,
                   message
            FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[],
                        $8::bytea[], $9::bigint[], $10::text[], $11::timestamptz[], $12::uuid[]) WITH ORDINALITY
                 AS new (ordering_key, topic, partition, record_offset, timestamp_ms, key, headers, payload, attempts, error,
                         due, message, number)
            ORDER BY number ON CONFLICT DO NOTHING";
    reschedule = "UPDATE parked SET attempts = new.attempts, error = new.error, due = new.due
                FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[])
                     AS new (position, attempts, error, due)
                WHERE parked.position = new.position";
    set_read_positions = "INSERT INTO read_positions (topic, partition, next_offset)
                          SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[])
                          ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset";
    delete_parked = "DELETE FROM parked WHERE position = ANY($1)";

    /// Inserts calls at the positions of their events, given by their number in the block that this session took last.
    open_intents = "INSERT INTO intents (position, event, body)
                    SELECT (currval('log_block') << 16) + number, event, body
                    FROM unnest($1::bigint[], $2::uuid[], $3::text[]) AS new (number, event, body)";
}
