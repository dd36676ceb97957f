//! Configuration by environment variables. Reports all invalid variables at once; `--help` lists them.

use std::{
    fmt,
    num::{NonZeroU16, NonZeroU32},
    str::FromStr,
    time::Duration,
};

use messaging::KafkaConfig;
use store::EventStore;
use telemetry::LogFormat;

use crate::service::environment::{Environment, Variable};

/// A variable with an invalid value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value}: {reason}")]
pub struct ConfigError {
    name: String,
    value: String,
    reason: String,
}

/// The configuration of a service.
#[derive(Debug, Clone)]
pub struct Config {
    pub database_url: String,
    /// `address:port`
    pub http_addr: String,
    /// Prefix of `/schemas/...` in the `dataschema` of every event.
    pub schema_base_url: String,
    /// Attempts before a failing record becomes a dead letter.
    pub retry_attempts_max: u32,
    /// Maximum wait between these attempts.
    pub retry_backoff_max: Duration,
    /// Maximum events waiting to be published; above it the service accepts no new work.
    pub outbox_max: u64,
    /// Maximum events of one type published per second.
    pub publish_rate_max: NonZeroU32,
    pub kafka: KafkaConfig,
    pub log_format: LogFormat,
    /// Directives in the syntax of `RUST_LOG`.
    pub log_filter: String,
    /// Set if an OTLP collector is configured.
    pub export_telemetry: bool,
    service_vars: Vec<(&'static str, String)>,
}

/// Variables that do not set a librdkafka property, although they start with `KAFKA_`.
const RESERVED_KAFKA_VARS: [&str; 4] =
    ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC_PREFIX", "KAFKA_TOPIC_PARTITIONS", "KAFKA_TOPIC_REPLICATION"];

/// The variables that every service reads.
pub(super) fn shared_variables(service: &str, port: u16) -> Vec<Variable> {
    let database = format!("sqlite:data/{service}.db");
    let http_addr = format!("127.0.0.1:{port}");
    vec![
        Variable::new("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092", "Kafka brokers as host:port, comma-separated"),
        Variable::new("KAFKA_TOPIC_PREFIX", "", "prefix of all topics and groups, to share a broker"),
        Variable::new("KAFKA_TOPIC_PARTITIONS", "4", "partitions of newly created topics"),
        Variable::new("KAFKA_TOPIC_REPLICATION", "-1", "replicas of newly created topics; -1: the broker's default"),
        Variable::new("INSTANCE_ID", "0", "identity of this replica: unique among replicas, stable over restarts"),
        Variable::new("DATABASE_URL", database, "sqlite:<path>, or postgres://<user>:<password>@<host>/<database>"),
        Variable::new("HTTP_ADDR", http_addr, "HTTP listen address as address:port"),
        Variable::new("RETRY_ATTEMPTS_MAX", "10", "attempts before a failing record becomes a dead letter"),
        Variable::new("RETRY_BACKOFF_MAX_MS", "30000", "maximum wait between these attempts, in milliseconds"),
        Variable::new(
            "OUTBOX_MAX",
            "1000000",
            "maximum events waiting for Kafka; above it, requests that start a saga get a 503",
        ),
        Variable::new("PUBLISH_RATE_MAX", "50000", "maximum events of one type published per second; others wait"),
        Variable::new("SCHEMA_BASE_URL", "", "prefix of /schemas/... in events; empty: http://HTTP_ADDR"),
        Variable::new("LOG_FORMAT", "pretty", "pretty or json"),
        Variable::new("RUST_LOG", "info", "log filter: a level, or target=level pairs"),
        Variable::new("OTEL_EXPORTER_OTLP_ENDPOINT", "", "OTLP/gRPC collector as http://host:4317; empty: no export"),
    ]
}

impl Config {
    /// Reads and checks all variables.
    ///
    /// # Errors
    /// All invalid values.
    pub(crate) fn read(
        environment: &dyn Environment,
        service: &'static str,
        port: u16,
        own: &[Variable],
    ) -> Result<Self, Vec<ConfigError>> {
        let mut reader = Reader { environment, variables: shared_variables(service, port), errors: Vec::new() };
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
            publish_rate_max: reader.parsed("PUBLISH_RATE_MAX").unwrap_or(NonZeroU32::MIN),
            kafka: reader.kafka(service),
            log_format: reader.one_of("LOG_FORMAT", &[("pretty", LogFormat::Pretty), ("json", LogFormat::Json)]),
            log_filter: reader.text("RUST_LOG"),
            export_telemetry: !reader.text("OTEL_EXPORTER_OTLP_ENDPOINT").is_empty(),
            service_vars: own.iter().map(|variable| (variable.name, variable.value(environment))).collect(),
        };
        reader.check("DATABASE_URL", |url| EventStore::check_url(url).map_err(|error| error.to_string()));
        reader.check("RUST_LOG", |filter| telemetry::check_filter(filter).map_err(|error| error.to_string()));
        for variable in own {
            reader.check_value(variable.name, &variable.value(environment), variable.check);
        }
        if reader.errors.is_empty() { Ok(config) } else { Err(reader.errors) }
    }

    /// The Kafka configuration of a tool that reads the same variables as the services.
    ///
    /// # Errors
    /// All invalid values.
    pub fn kafka_config_for(
        environment: &dyn Environment,
        tool: &'static str,
    ) -> Result<KafkaConfig, Vec<ConfigError>> {
        let mut reader = Reader { environment, variables: shared_variables(tool, 0), errors: Vec::new() };
        let kafka = reader.kafka(tool);
        if reader.errors.is_empty() { Ok(kafka) } else { Err(reader.errors) }
    }

    /// The value of one of the service's own variables.
    ///
    /// # Errors
    /// The value does not parse as `T`.
    pub fn service_var<T: FromStr<Err: fmt::Display>>(&self, name: &'static str) -> Result<T, ConfigError> {
        let value = self.service_vars.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        parse(name, value.unwrap_or_default())
    }

    /// The database's URL without user, password and options, for logs.
    pub(super) fn storage(&self) -> String {
        let Some((scheme, rest)) = self.database_url.split_once("://") else { return self.database_url.clone() };
        let (server, _) = rest.split_once('?').unwrap_or((rest, ""));
        let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
        format!("{scheme}://{server}")
    }
}

/// Translates `KAFKA_SESSION_TIMEOUT_MS` to librdkafka's `session.timeout.ms`, and so on.
fn properties(environment: &dyn Environment) -> Vec<(String, String)> {
    let mut names = environment.names();
    names.sort();
    let property = |name: String| {
        let property = name.strip_prefix("KAFKA_").filter(|_| !RESERVED_KAFKA_VARS.contains(&name.as_str()))?;
        Some((property.to_lowercase().replace('_', "."), environment.get(&name)?))
    };
    names.into_iter().filter_map(property).collect()
}

fn parse<T: FromStr<Err: fmt::Display>>(name: &'static str, value: String) -> Result<T, ConfigError> {
    value.parse().map_err(|error: T::Err| ConfigError { name: name.to_owned(), value, reason: error.to_string() })
}

/// Reads variables and collects the errors.
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
            self.check_value(&name, value, |value| {
                KafkaConfig::check_property(property, value).map_err(|error| error.to_string())
            });
        }
        kafka
    }

    fn text(&self, name: &'static str) -> String {
        let variable = self.variables.iter().find(|variable| variable.name == name);
        variable.expect("every variable that is read is declared").value(self.environment)
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, name: &'static str) -> Option<T> {
        parse(name, self.text(name)).map_err(|error| self.errors.push(error)).ok()
    }

    fn check(&mut self, name: &'static str, check: impl Fn(&str) -> Result<(), String>) {
        let value = self.text(name);
        self.check_value(name, &value, check);
    }

    fn check_value(&mut self, name: &str, value: &str, check: impl Fn(&str) -> Result<(), String>) {
        if let Err(reason) = check(value) {
            // A value that may contain a password never reaches the output, not even as part of an error.
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
