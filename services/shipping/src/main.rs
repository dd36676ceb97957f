//! The shipping service's process.

use std::{path::Path, process::ExitCode, sync::Arc};

use providers::simulator::SimulatedCarrier;
use runtime::{ServiceParts, Variable};
use shipping::{api::api, decider::Shipping, outside::CarrierCalls};

fn main() -> ExitCode {
    runtime::run(&ServiceParts::<Shipping> {
        port: 8083,
        variables: vec![Variable::new("PROVIDERS_LEDGER", "data/carrier.db", "the simulated carrier's own file")],
        outside: |config| {
            let ledger: String = config.own("PROVIDERS_LEDGER")?;
            Ok(Arc::new(CarrierCalls(SimulatedCarrier::open(Path::new(&ledger))?)))
        },
        api,
    })
}
