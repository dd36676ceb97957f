//! Configuration by environment variables. All errors are told together; `--help` tells all variables.

use std::{
    fmt,
    num::{NonZeroU16, NonZeroU32},
    str::FromStr,
    time::Duration,
};

use messaging::KafkaConfig;
use store::EventStore;
use telemetry::LogFormat;

/// Where variables come from; a map in tests.
pub trait Environment {
    /// A variable's value.
    fn get(&self, name: &str) -> Option<String>;
    /// All variables' names.
    fn names(&self) -> Vec<String>;
}

/// The process's own environment.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnvironment;

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
impl Environment for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }
}

/// A variable that a service reads.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its value when it is not set.
    pub default: String,
    /// What it means, with units.
    pub meaning: &'static str,
    /// Why a value can't be used.
    check: fn(&str) -> Result<(), String>,
}

impl Variable {
    /// A variable.
    pub fn new(name: &'static str, default: impl Into<String>, meaning: &'static str) -> Self {
        Self { name, default: default.into(), meaning, check: |_| Ok(()) }
    }

    /// A variable whose value must be a `T`.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(
        name: &'static str,
        default: impl Into<String>,
        meaning: &'static str,
    ) -> Self {
        let check = |value: &str| value.parse::<T>().map(drop).map_err(|error| error.to_string());
        Self { check, ..Self::new(name, default, meaning) }
    }
}

/// A variable whose value can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value}: {reason}")]
pub struct ConfigError {
    name: String,
    value: String,
    reason: String,
}

/// How a service is to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// The database's URL.
    pub database_url: String,
    /// Where HTTP listens.
    pub http_addr: String,
    /// Before `/schemas/...` in every event's `dataschema`.
    pub schema_base_url: String,
    /// Attempts before a record that can't be handled becomes a dead letter.
    pub retry_attempts_max: u32,
    /// The longest wait before such an attempt.
    pub retry_backoff_max: Duration,
    /// Events that may wait to be published; beyond that no new work is accepted.
    pub outbox_max: u64,
    /// For how much longer the inbox remembers than Kafka may deliver again.
    pub inbox_margin: Duration,
    /// Events of one type that may be published in a second.
    pub publish_rate_max: NonZeroU32,
    /// Kafka.
    pub kafka: KafkaConfig,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines there are.
    pub log_filter: String,
    /// Whether there is a collector to export telemetry to.
    pub export_telemetry: bool,
    own: Vec<(&'static str, String)>,
}

/// Variables that are no librdkafka property, although their names begin like one.
const NO_PROPERTIES: [&str; 4] =
    ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC_PREFIX", "KAFKA_TOPIC_PARTITIONS", "KAFKA_TOPIC_REPLICATION"];

/// The variables that every service reads.
pub(crate) fn common(service: &str, port: u16) -> Vec<Variable> {
    vec![
        Variable::new("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092", "Kafka, as host:port, several separated by commas"),
        Variable::new("KAFKA_TOPIC_PREFIX", "", "before the name of every topic and group, to share a broker"),
        Variable::new("KAFKA_TOPIC_PARTITIONS", "4", "partitions of topics that are made"),
        Variable::new("KAFKA_TOPIC_REPLICATION", "-1", "replicas of topics that are made; -1: as the broker is set"),
        Variable::new("INSTANCE_ID", "0", "which replica this is: stable over restarts, unique among replicas"),
        Variable::new(
            "DATABASE_URL",
            format!("sqlite:data/{service}.db"),
            "the service's own database: sqlite:<path>, or postgres://<user>:<password>@<host>/<database> for several replicas",
        ),
        Variable::new("HTTP_ADDR", format!("127.0.0.1:{port}"), "where HTTP listens, as address:port"),
        Variable::new("RETRY_ATTEMPTS_MAX", "10", "attempts before a record that can't be handled is a dead letter"),
        Variable::new("RETRY_BACKOFF_MAX_MS", "30000", "longest wait before such an attempt, in milliseconds"),
        Variable::new(
            "OUTBOX_MAX",
            "1000000",
            "events that may wait for Kafka; beyond that orders are answered by 503",
        ),
        Variable::new("INBOX_MARGIN_S", "3600", "seconds that the inbox remembers beyond the topics' retention"),
        Variable::new("PUBLISH_RATE_MAX", "50000", "events of one type published in a second; others wait"),
        Variable::new("SCHEMA_BASE_URL", "", "before /schemas/... in events; empty: http://HTTP_ADDR"),
        Variable::new("LOG_FORMAT", "pretty", "pretty or json"),
        Variable::new("RUST_LOG", "info", "which log lines: a level, or target=level pairs"),
        Variable::new("OTEL_EXPORTER_OTLP_ENDPOINT", "", "OTLP/gRPC collector, as http://host:4317; empty: no export"),
    ]
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// All values that can't be used.
    pub(crate) fn read(
        environment: &dyn Environment,
        service: &'static str,
        port: u16,
        own: &[Variable],
    ) -> Result<Self, Vec<ConfigError>> {
        let mut reader = Reader { environment, variables: common(service, port), errors: Vec::new() };
        let http_addr: std::net::SocketAddr = reader.parsed("HTTP_ADDR").unwrap_or(([127, 0, 0, 1], port).into());
        let schema_base_url = match reader.text("SCHEMA_BASE_URL") {
            empty if empty.is_empty() => format!("http://{http_addr}"),
            url => url.trim_end_matches('/').to_owned(),
        };
        let config = Self {
            database_url: reader.text("DATABASE_URL"),
            http_addr: http_addr.to_string(),
            schema_base_url,
            retry_attempts_max: reader.parsed("RETRY_ATTEMPTS_MAX").unwrap_or_default(),
            retry_backoff_max: Duration::from_millis(reader.parsed("RETRY_BACKOFF_MAX_MS").unwrap_or_default()),
            outbox_max: reader.parsed("OUTBOX_MAX").unwrap_or_default(),
            inbox_margin: Duration::from_secs(reader.parsed("INBOX_MARGIN_S").unwrap_or_default()),
            publish_rate_max: reader.parsed("PUBLISH_RATE_MAX").unwrap_or(NonZeroU32::MIN),
            kafka: reader.kafka(service),
            log_format: reader.one_of("LOG_FORMAT", &[("pretty", LogFormat::Pretty), ("json", LogFormat::Json)]),
            log_filter: reader.text("RUST_LOG"),
            export_telemetry: !reader.text("OTEL_EXPORTER_OTLP_ENDPOINT").is_empty(),
            own: own.iter().map(|variable| (variable.name, value(environment, variable))).collect(),
        };
        reader.check("DATABASE_URL", |url| EventStore::check_url(url).map_err(|error| error.to_string()));
        reader.check("RUST_LOG", |filter| telemetry::check_filter(filter).map_err(|error| error.to_string()));
        for variable in own {
            reader.refuse(variable.name, &value(environment, variable), variable.check);
        }
        if reader.errors.is_empty() { Ok(config) } else { Err(reader.errors) }
    }

    /// Where Kafka is, for a tool that is set by the same variables as the services.
    ///
    /// # Errors
    /// All values that can't be used.
    pub fn kafka_config_for(
        environment: &dyn Environment,
        tool: &'static str,
    ) -> Result<KafkaConfig, Vec<ConfigError>> {
        let mut reader = Reader { environment, variables: common(tool, 0), errors: Vec::new() };
        let kafka = reader.kafka(tool);
        if reader.errors.is_empty() { Ok(kafka) } else { Err(reader.errors) }
    }

    /// One of the service's own variables.
    ///
    /// # Errors
    /// Its value is not a `T`.
    pub fn service_var<T: FromStr<Err: fmt::Display>>(&self, name: &'static str) -> Result<T, ConfigError> {
        let value = self.own.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        parse(name, value.unwrap_or_default())
    }
}

/// `KAFKA_SESSION_TIMEOUT_MS` is librdkafka's `session.timeout.ms`.
fn properties(environment: &dyn Environment) -> Vec<(String, String)> {
    let mut names = environment.names();
    names.sort();
    let property = |name: String| {
        let property = name.strip_prefix("KAFKA_").filter(|_| !NO_PROPERTIES.contains(&name.as_str()))?;
        Some((property.to_lowercase().replace('_', "."), environment.get(&name)?))
    };
    names.into_iter().filter_map(property).collect()
}

fn value(environment: &dyn Environment, variable: &Variable) -> String {
    environment.get(variable.name).unwrap_or_else(|| variable.default.clone())
}

fn parse<T: FromStr<Err: fmt::Display>>(name: &'static str, value: String) -> Result<T, ConfigError> {
    value.parse().map_err(|error: T::Err| ConfigError { name: name.to_owned(), value, reason: error.to_string() })
}

struct Reader<'e> {
    environment: &'e dyn Environment,
    variables: Vec<Variable>,
    errors: Vec<ConfigError>,
}

impl Reader<'_> {
    fn kafka(&mut self, group: &str) -> KafkaConfig {
        let kafka = KafkaConfig {
            bootstrap_servers: self.text("KAFKA_BOOTSTRAP_SERVERS"),
            prefix: self.text("KAFKA_TOPIC_PREFIX"),
            group: group.to_owned(),
            instance: self.text("INSTANCE_ID"),
            partitions: self.parsed::<NonZeroU16>("KAFKA_TOPIC_PARTITIONS").map_or(1, |count| count.get().into()),
            replication: self.parsed("KAFKA_TOPIC_REPLICATION").unwrap_or(-1),
            properties: properties(self.environment),
        };
        for (property, value) in &kafka.properties {
            let name = format!("KAFKA_{}", property.to_uppercase().replace('.', "_"));
            self.refuse(&name, value, |value| {
                KafkaConfig::check_property(property, value).map_err(|error| error.to_string())
            });
        }
        kafka
    }

    fn text(&self, name: &'static str) -> String {
        let variable = self.variables.iter().find(|variable| variable.name == name);
        value(self.environment, variable.expect("every variable that is read is listed"))
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, name: &'static str) -> Option<T> {
        parse(name, self.text(name)).map_err(|error| self.errors.push(error)).ok()
    }

    fn check(&mut self, name: &'static str, check: impl Fn(&str) -> Result<(), String>) {
        let value = self.text(name);
        self.refuse(name, &value, check);
    }

    fn refuse(&mut self, name: &str, value: &str, check: impl Fn(&str) -> Result<(), String>) {
        if let Err(reason) = check(value) {
            // What may hold a password is not repeated, not even to say that it is wrong.
            let is_secret = ["DATABASE_URL", "PASSWORD", "SECRET"].iter().any(|secret| name.contains(secret));
            let (value, reason) =
                if is_secret { ("(hidden)", reason.replace(value, "(hidden)")) } else { (value, reason) };
            self.errors.push(ConfigError { name: name.to_owned(), value: value.to_owned(), reason });
        }
    }

    fn one_of<T: Copy>(&mut self, name: &'static str, choices: &[(&str, T)]) -> T {
        let value = self.text(name);
        let chosen = choices.iter().find(|(choice, _)| *choice == value);
        if chosen.is_none() {
            let choices: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
            self.errors.push(ConfigError {
                name: name.to_owned(),
                value,
                reason: format!("must be {}", choices.join(" or ")),
            });
        }
        chosen.unwrap_or(&choices[0]).1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    impl Environment for BTreeMap<&str, &str> {
        fn get(&self, name: &str) -> Option<String> {
            self.get(name).map(ToString::to_string)
        }

        fn names(&self) -> Vec<String> {
            self.keys().map(ToString::to_string).collect()
        }
    }

    #[test]
    fn defaults_suit_a_laptop() {
        let config = Config::read(&BTreeMap::new(), "order", 8080, &[]).expect("defaults are fine");
        assert_eq!(config.http_addr, "127.0.0.1:8080");
        assert_eq!(config.schema_base_url, "http://127.0.0.1:8080");
        assert_eq!(config.database_url, "sqlite:data/order.db");
        assert_eq!(config.kafka.properties, []);
    }

    #[test]
    fn all_errors_are_told_together() {
        let environment =
            BTreeMap::from([("HTTP_ADDR", "nowhere"), ("KAFKA_TOPIC_PARTITIONS", "many"), ("LOG_FORMAT", "xml")]);
        let errors = Config::read(&environment, "order", 8080, &[]).expect_err("three are wrong");
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
    fn any_librdkafka_property_can_be_set() {
        let environment = BTreeMap::from([("KAFKA_SESSION_TIMEOUT_MS", "6000"), ("KAFKA_TOPIC_PREFIX", "a.")]);
        let config = Config::read(&environment, "order", 8080, &[]).expect("fine");
        assert_eq!(config.kafka.properties, [("session.timeout.ms".to_owned(), "6000".to_owned())]);
        assert_eq!(config.kafka.prefix, "a.");
    }

    #[test]
    fn a_service_has_variables_of_its_own() {
        let own = [Variable::new("ORDER_DEADLINE_S", "60", "seconds")];
        let config = Config::read(&BTreeMap::new(), "order", 8080, &own).expect("fine");
        assert_eq!(config.service_var::<u32>("ORDER_DEADLINE_S"), Ok(60));
        let environment = BTreeMap::from([("ORDER_DEADLINE_S", "soon")]);
        let config = Config::read(&environment, "order", 8080, &own).expect("not looked at yet");
        assert!(config.service_var::<u32>("ORDER_DEADLINE_S").is_err());
    }
}
