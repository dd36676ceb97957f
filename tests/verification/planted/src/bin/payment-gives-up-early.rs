//! A payment service that treats a slow response of the gateway as a decline, and ignores the late capture.

use std::{process::ExitCode, sync::Arc, time::Duration};

use async_trait::async_trait;
use payment::{
    decider::{ChargeResult, Command, Payment},
    policy::GatewayCall,
    provider::Gateway,
};
use planted::services;
use providers::simulator::SimulatedGateway;
use runtime::{CallError, CallInfo, ProviderClient};
use tokio::time::timeout;

/// Maximum wait for the gateway.
const GATEWAY_TIMEOUT: Duration = Duration::from_millis(200);
/// Duration of a charge with a slow card. Longer than the timeout, but short enough that the service rarely crashes
/// before the response.
const SLOW: Duration = Duration::from_millis(600);

struct GivesUpEarly(Gateway<SimulatedGateway>);

#[async_trait]
impl ProviderClient<Payment> for GivesUpEarly {
    fn describe(&self, call: &GatewayCall) -> CallInfo {
        self.0.describe(call)
    }

    async fn call(&self, call: &GatewayCall) -> Result<Command, CallError> {
        let GatewayCall::Charge(due) = call else { return self.0.call(call).await };
        let declined = || Command::RecordCharge {
            order_id: due.order_id,
            result: ChargeResult::Declined { code: "timeout".to_owned() },
        };
        timeout(GATEWAY_TIMEOUT, self.0.call(call)).await.unwrap_or_else(|_| Ok(declined()))
    }
}

fn main() -> ExitCode {
    runtime::run(&services::payment(|config| {
        let gateway = services::gateway(config)?.with_slow(SLOW);
        Ok(Arc::new(GivesUpEarly(Gateway(gateway))))
    }))
}
