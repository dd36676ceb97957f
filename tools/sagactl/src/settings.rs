//! Addresses of Kafka and the services: from flags, from the variables that the services use too, or the laptop
//! defaults.

use catalog::{PerService, ServiceName};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use messaging::KafkaConfig;
use runtime::{Config, ConfigError, ProcessEnvironment};

use crate::{
    http::HttpClient,
    output::{Output, OutputFormat},
};

/// Client name of this tool at the Kafka broker.
const TOOL: &str = "sagactl";

#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingsArgs {
    /// Output format
    #[arg(long, short, global = true, value_enum, default_value_t)]
    output: OutputFormat,
    /// Kafka brokers as host:port, separated by commas
    #[arg(
        long,
        global = true,
        env = "KAFKA_BOOTSTRAP_SERVERS",
        default_value = "127.0.0.1:9092",
        value_name = "SERVERS"
    )]
    kafka: String,
    #[command(flatten)]
    urls: ServiceUrls,
}

/// Base URL of each service: an argument `--<service>-url` with the variable `<SERVICE>_URL`.
struct ServiceUrls(PerService<String>);

fn url_id(service: ServiceName) -> String {
    format!("{service}-url")
}

fn url_argument(service: ServiceName) -> Arg {
    Arg::new(url_id(service))
        .long(url_id(service))
        .help(format!("Base URL of the {service} service"))
        .value_name("URL")
        .env(format!("{}_URL", service.name().to_uppercase().replace('-', "_")))
        .default_value(format!("http://127.0.0.1:{}", service.port()))
        .global(true)
}

impl Args for ServiceUrls {
    fn augment_args(command: Command) -> Command {
        command.args(ServiceName::all().map(url_argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ServiceUrls {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let url = |service| matches.get_one::<String>(&url_id(service)).cloned().unwrap_or_default();
        Ok(Self(PerService::new(url)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Settings that all commands share.
pub(crate) struct Settings {
    pub(crate) output: Output,
    kafka: KafkaConfig,
    urls: PerService<String>,
}

impl Settings {
    /// # Errors
    /// All invalid values.
    pub(crate) fn read(arguments: SettingsArgs) -> Result<Self, Vec<ConfigError>> {
        let SettingsArgs { output, kafka: servers, urls } = arguments;
        let kafka = Config::kafka_config_for(&ProcessEnvironment, TOOL)?;
        Ok(Self {
            output: Output::new(output),
            kafka: KafkaConfig { bootstrap_servers: servers, ..kafka },
            urls: urls.0,
        })
    }

    /// Kafka configuration for reading and writing records.
    pub(crate) fn kafka(&self) -> &KafkaConfig {
        &self.kafka
    }

    /// Kafka configuration for queries about the consumer group of a service.
    pub(crate) fn kafka_of(&self, service: ServiceName) -> KafkaConfig {
        KafkaConfig { group: service.name().to_owned(), ..self.kafka.clone() }
    }

    /// Client for the HTTP API of a service.
    pub(crate) fn client(&self, service: ServiceName) -> HttpClient {
        HttpClient::new(&self.urls[service])
    }
}
