//! Where things are: by flags, by the variables that the services read too, or as on a laptop.

use clap::Args;
use contracts::ServiceName;
use messaging::KafkaConfig;
use runtime::{Config, ConfigError, ProcessEnvironment};

use crate::{
    http::Client,
    output::{Format, Output},
};

/// The name of this tool to Kafka.
const TOOL: &str = "sagactl";

#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingsArgs {
    /// How to write what was found.
    #[arg(long, short, global = true, value_enum, default_value_t)]
    output: Format,
    /// Kafka, as host:port, several separated by commas.
    #[arg(
        long,
        global = true,
        env = "KAFKA_BOOTSTRAP_SERVERS",
        default_value = "127.0.0.1:9092",
        value_name = "SERVERS"
    )]
    kafka: String,
    /// The order service.
    #[arg(long, global = true, env = "ORDER_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    order_url: String,
    /// The inventory service.
    #[arg(long, global = true, env = "INVENTORY_URL", default_value = "http://127.0.0.1:8081", value_name = "URL")]
    inventory_url: String,
    /// The payment service.
    #[arg(long, global = true, env = "PAYMENT_URL", default_value = "http://127.0.0.1:8082", value_name = "URL")]
    payment_url: String,
    /// The shipping service.
    #[arg(long, global = true, env = "SHIPPING_URL", default_value = "http://127.0.0.1:8083", value_name = "URL")]
    shipping_url: String,
}

/// What every command works with.
pub(crate) struct Settings {
    pub(crate) output: Output,
    kafka: KafkaConfig,
    urls: [String; 4],
}

impl Settings {
    /// # Errors
    /// All values that can't be used.
    pub(crate) fn read(arguments: SettingsArgs) -> Result<Self, Vec<ConfigError>> {
        let SettingsArgs { output, kafka: servers, order_url, inventory_url, payment_url, shipping_url } = arguments;
        let kafka = Config::kafka_config_for(&ProcessEnvironment, TOOL)?;
        Ok(Self {
            output: Output::new(output),
            kafka: KafkaConfig { bootstrap_servers: servers, ..kafka },
            urls: [order_url, inventory_url, payment_url, shipping_url],
        })
    }

    /// Kafka, for reading and writing records.
    pub(crate) fn kafka(&self) -> &KafkaConfig {
        &self.kafka
    }

    /// Kafka, for asking after a service's consumer group.
    pub(crate) fn kafka_of(&self, service: ServiceName) -> KafkaConfig {
        KafkaConfig { group: service.name().to_owned(), ..self.kafka.clone() }
    }

    /// A service's HTTP API.
    pub(crate) fn client(&self, service: ServiceName) -> Client {
        let [order, inventory, payment, shipping] = &self.urls;
        Client::new(match service {
            ServiceName::Order => order,
            ServiceName::Inventory => inventory,
            ServiceName::Payment => payment,
            ServiceName::Shipping => shipping,
        })
    }
}
