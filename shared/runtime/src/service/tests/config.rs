//! Configuration from a map instead of the environment.

use std::collections::BTreeMap;

use crate::service::{Config, Environment, Variable};

type Map = BTreeMap<&'static str, &'static str>;

impl Environment for Map {
    fn get(&self, name: &str) -> Option<String> {
        self.get(name).map(ToString::to_string)
    }

    fn names(&self) -> Vec<String> {
        self.keys().map(ToString::to_string).collect()
    }
}

fn read(environment: &Map) -> Config {
    Config::read(environment, "orders", 8080, &[]).expect("a valid configuration")
}

#[test]
fn defaults_suit_a_laptop() {
    let config = read(&Map::new());
    assert_eq!(config.http_addr, "127.0.0.1:8080");
    assert_eq!(config.schema_base_url, "http://127.0.0.1:8080");
    assert_eq!(config.database_url, "sqlite:data/orders.db");
    assert_eq!(config.kafka.properties, []);
}

#[test]
fn all_invalid_variables_are_reported_at_once() {
    let environment = Map::from([("HTTP_ADDR", "nowhere"), ("KAFKA_TOPIC_PARTITIONS", "many"), ("LOG_FORMAT", "xml")]);
    let errors = Config::read(&environment, "orders", 8080, &[]).expect_err("three invalid values");
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "HTTP_ADDR=nowhere: invalid socket address syntax",
            "KAFKA_TOPIC_PARTITIONS=many: invalid digit found in string",
            "LOG_FORMAT=xml: must be pretty or json",
        ]
    );
}

#[test]
fn kafka_variables_set_librdkafka_properties() {
    let config = read(&Map::from([("KAFKA_SESSION_TIMEOUT_MS", "6000"), ("KAFKA_TOPIC_PREFIX", "a.")]));
    assert_eq!(config.kafka.properties, [("session.timeout.ms".to_owned(), "6000".to_owned())]);
    assert_eq!(config.kafka.prefix, "a.");
}

#[test]
fn service_variables_are_parsed_on_access() {
    let own = [Variable::new("DEADLINE_S", "60", "seconds")];
    let config = Config::read(&Map::new(), "orders", 8080, &own).expect("a valid configuration");
    assert_eq!(config.service_var::<u32>("DEADLINE_S"), Ok(60));
    let config = Config::read(&Map::from([("DEADLINE_S", "soon")]), "orders", 8080, &own).expect("any text is valid");
    assert!(config.service_var::<u32>("DEADLINE_S").is_err());
}

#[test]
fn storage_has_no_password() {
    for (url, storage) in [
        ("postgres://app:secret@db:5432/orders?sslmode=require", "postgres://db:5432/orders"),
        ("postgres://app:s@cret@db/orders", "postgres://db/orders"),
        ("sqlite:data/orders.db", "sqlite:data/orders.db"),
    ] {
        assert_eq!(read(&Map::from([("DATABASE_URL", url)])).storage(), storage);
    }
}
