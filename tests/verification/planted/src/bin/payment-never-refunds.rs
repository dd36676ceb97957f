//! A payment service that reports refunds which it never requested from the gateway.

use std::{path::Path, process::ExitCode, sync::Arc};

use async_trait::async_trait;
use payment::{
    api::api,
    decider::{Command, Payment},
    policy::GatewayCall,
    provider::Gateway,
};
use providers::simulator::SimulatedGateway;
use runtime::{CallError, CallInfo, ProviderClient, ServiceDefinition, Variable};

struct KeepsTheMoney(Gateway<SimulatedGateway>);

#[async_trait]
impl ProviderClient<Payment> for KeepsTheMoney {
    fn describe(&self, call: &GatewayCall) -> CallInfo {
        self.0.describe(call)
    }

    async fn call(&self, call: &GatewayCall) -> Result<Command, CallError> {
        match call {
            GatewayCall::Refund { order_id, .. } => {
                Ok(Command::RecordRefund { order_id: *order_id, refund_id: "in the mail".to_owned() })
            }
            GatewayCall::Charge(_) | GatewayCall::Void(_) => self.0.call(call).await,
        }
    }
}

fn main() -> ExitCode {
    runtime::run(&ServiceDefinition::<Payment> {
        about: "Payment service of the order saga: charges and refunds through the payment gateway.",
        port: 8082,
        variables: vec![Variable::new(
            "SIMULATOR_DB_PATH",
            "data/gateway.db",
            "the simulated payment gateway's own file",
        )],
        provider: |config| {
            let ledger: String = config.service_var("SIMULATOR_DB_PATH")?;
            Ok(Arc::new(KeepsTheMoney(Gateway(SimulatedGateway::open(Path::new(&ledger))?))))
        },
        api,
    })
}
