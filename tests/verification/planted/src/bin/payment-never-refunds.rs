//! A payment service that reports refunds which it never requested from the gateway.

use std::{process::ExitCode, sync::Arc};

use async_trait::async_trait;
use payment::{
    decider::{Command, Payment},
    policy::GatewayCall,
    provider::Gateway,
};
use planted::services;
use providers::simulator::SimulatedGateway;
use runtime::{CallError, CallInfo, ProviderClient};

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
    runtime::run(&services::payment(|config| Ok(Arc::new(KeepsTheMoney(Gateway(services::gateway(config)?))))))
}
