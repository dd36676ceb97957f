//! The whole help text, with its columns and defaults.

use expect_test::expect;

use crate::service::{Variable, help::help};

#[test]
fn help_aligns_all_variables_with_their_defaults() {
    let own = [Variable::new("DEADLINE_S", "60", "timeout in seconds")];
    expect![[r#"
        Booking service: books trips.

        Usage: booking [--help | --version | --health]

        Environment variables [default]:
          KAFKA_BOOTSTRAP_SERVERS      Kafka brokers as host:port, comma-separated [127.0.0.1:9092]
          KAFKA_TOPIC_PREFIX           prefix of all topics and groups, to share a broker []
          KAFKA_TOPIC_PARTITIONS       partitions of newly created topics [4]
          KAFKA_TOPIC_REPLICATION      replicas of newly created topics; -1: the broker's default [-1]
          INSTANCE_ID                  identity of this replica: unique among replicas, stable over restarts [0]
          DATABASE_URL                 sqlite:<path>, or postgres://<user>:<password>@<host>/<database> [sqlite:data/booking.db]
          HTTP_ADDR                    HTTP listen address as address:port [127.0.0.1:8080]
          RETRY_ATTEMPTS_MAX           attempts before a failing record becomes a dead letter [10]
          RETRY_BACKOFF_MAX_MS         maximum wait between these attempts, in milliseconds [30000]
          OUTBOX_MAX                   maximum events waiting for Kafka; above it, requests that start a saga get a 503 [1000000]
          PUBLISH_RATE_MAX             maximum events of one type published per second; others wait [50000]
          SCHEMA_BASE_URL              prefix of /schemas/... in events; empty: http://HTTP_ADDR []
          LOG_FORMAT                   pretty or json [pretty]
          RUST_LOG                     log filter: a level, or target=level pairs [info]
          OTEL_EXPORTER_OTLP_ENDPOINT  OTLP/gRPC collector as http://host:4317; empty: no export []
          DEADLINE_S                   timeout in seconds [60]
          KAFKA_<PROPERTY>             any librdkafka property, e.g. KAFKA_SESSION_TIMEOUT_MS=6000

        Stops on SIGTERM or SIGINT after it has finished the work in progress. Exit codes: 0 stopped by a signal,
        1 failed, 64 invalid arguments or configuration. --health requests /readyz from the service that runs
        with the same environment: 0 ready, 1 not ready.
    "#]].assert_eq(&help("booking", "Booking service: books trips.", 8080, &own));
}
