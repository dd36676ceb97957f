//! Definitions of the services with bugs. They repeat those of the real services, except for the bugs.

use std::{path::Path, sync::Arc};

use anyhow::Result;
use payment::decider::Payment;
use providers::simulator::SimulatedGateway;
use runtime::{Config, NoProvider, ProviderClient, ServiceDefinition, Variable};

use crate::decider::Inventory;

const GATEWAY_DB: &str = "SIMULATOR_DB_PATH";

/// The inventory service, with the bug in its decider.
pub fn inventory() -> ServiceDefinition<Inventory> {
    ServiceDefinition {
        about: "Inventory service of the order saga: keeps the stock and reserves it for orders.",
        port: 8081,
        variables: vec![],
        provider: |_| Ok(Arc::new(NoProvider)),
        api: crate::api::api,
    }
}

/// The payment service, with the bug in its client of the gateway.
pub fn payment(client: fn(&Config) -> Result<Arc<dyn ProviderClient<Payment>>>) -> ServiceDefinition<Payment> {
    ServiceDefinition {
        about: "Payment service of the order saga: charges and refunds through the payment gateway.",
        port: 8082,
        variables: vec![Variable::new(GATEWAY_DB, "data/gateway.db", "the simulated payment gateway's own file")],
        provider: client,
        api: payment::api::api,
    }
}

/// Opens the simulated payment gateway.
///
/// # Errors
/// Its file cannot be opened.
pub fn gateway(config: &Config) -> Result<SimulatedGateway> {
    let ledger: String = config.service_var(GATEWAY_DB)?;
    Ok(SimulatedGateway::open(Path::new(&ledger))?)
}
