//! The payment service's process.

use std::{path::Path, process::ExitCode, sync::Arc};

use payment::{api::api, decider::Payment, provider::Gateway};
use providers::simulator::SimulatedGateway;
use runtime::{ServiceDefinition, Variable};

fn main() -> ExitCode {
    runtime::run(&ServiceDefinition::<Payment> {
        about: "Payment service of the order saga: charges and refunds through the payment gateway.",
        port: 8082,
        variables: vec![Variable::new(
            "SIMULATOR_DB_PATH",
            "data/gateway.db",
            "database file of the simulated payment gateway",
        )],
        provider: |config| {
            let ledger: String = config.service_var("SIMULATOR_DB_PATH")?;
            Ok(Arc::new(Gateway(SimulatedGateway::open(Path::new(&ledger))?)))
        },
        api,
    })
}
