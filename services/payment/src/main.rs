//! The payment service's process.

use std::{path::Path, process::ExitCode, sync::Arc};

use payment::{api::api, decider::Payment, outside::Gateway};
use providers::simulator::SimulatedGateway;
use runtime::{ServiceParts, Variable};

fn main() -> ExitCode {
    runtime::run(&ServiceParts::<Payment> {
        port: 8082,
        variables: vec![Variable::new(
            "PROVIDERS_LEDGER",
            "data/gateway.db",
            "the simulated payment gateway's own file",
        )],
        outside: |config| {
            let ledger: String = config.own("PROVIDERS_LEDGER")?;
            Ok(Arc::new(Gateway(SimulatedGateway::open(Path::new(&ledger))?)))
        },
        api,
    })
}
