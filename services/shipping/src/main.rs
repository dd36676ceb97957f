//! The shipping service's process.

use std::{path::Path, process::ExitCode, sync::Arc};

use providers::simulator::SimulatedCarrier;
use runtime::{ServiceDefinition, Variable};
use shipping::{api::api, decider::Shipping, provider::CarrierCalls};

fn main() -> ExitCode {
    runtime::run(&ServiceDefinition::<Shipping> {
        about: "Shipping service of the order saga: books shipments and decides whether an order can still be cancelled.",
        port: 8083,
        variables: vec![Variable::new(
            "SIMULATOR_DB_PATH",
            "data/carrier.db",
            "database file of the simulated carrier",
        )],
        provider: |config| {
            let ledger: String = config.service_var("SIMULATOR_DB_PATH")?;
            Ok(Arc::new(CarrierCalls(SimulatedCarrier::open(Path::new(&ledger))?)))
        },
        api,
    })
}
