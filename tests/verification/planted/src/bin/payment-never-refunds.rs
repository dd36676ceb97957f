//! A payment service that says that it has given the money back, and has not asked the gateway.

use std::{path::Path, process::ExitCode, sync::Arc};

use async_trait::async_trait;
use payment::{
    api::api,
    decider::{Command, Payment},
    outside::Gateway,
    policy::GatewayCall,
};
use providers::simulator::SimulatedGateway;
use runtime::{Description, Outside, OutsideError, ServiceParts, Variable};

struct KeepsTheMoney(Gateway<SimulatedGateway>);

#[async_trait]
impl Outside<Payment> for KeepsTheMoney {
    fn describe(&self, call: &GatewayCall) -> Description {
        self.0.describe(call)
    }

    async fn perform(&self, call: &GatewayCall) -> Result<Command, OutsideError> {
        match call {
            GatewayCall::Refund { order_id, .. } => {
                Ok(Command::SettleRefund { order_id: *order_id, refund_id: "in the mail".to_owned() })
            }
            GatewayCall::Charge(_) | GatewayCall::Void(_) => self.0.perform(call).await,
        }
    }
}

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
            Ok(Arc::new(KeepsTheMoney(Gateway(SimulatedGateway::open(Path::new(&ledger))?))))
        },
        api,
    })
}
