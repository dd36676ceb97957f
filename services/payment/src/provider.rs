//! The payment gateway, as the payment service calls it.

use async_trait::async_trait;
use contracts::OrderId;
use providers::{ChargeAnswer, PaymentGateway, ProviderError, VoidAnswer};
use runtime::{CallError, CallInfo, ProviderClient};

use crate::{
    decider::{ChargeResult, Command, Payment},
    policy::GatewayCall,
};

/// Makes the payment service's calls to a gateway.
pub struct Gateway<G>(pub G);

#[async_trait]
impl<G: PaymentGateway> ProviderClient<Payment> for Gateway<G> {
    fn describe(&self, call: &GatewayCall) -> CallInfo {
        let (operation, order_id) = match call {
            GatewayCall::Charge(due) => ("charge", due.order_id),
            GatewayCall::Void(order_id) => ("void", *order_id),
            GatewayCall::Refund { order_id, .. } => ("refund", *order_id),
        };
        CallInfo::new("payment-gateway", operation, order_id)
    }

    async fn call(&self, call: &GatewayCall) -> Result<Command, CallError> {
        match call {
            GatewayCall::Charge(due) => {
                let answer =
                    self.0.charge(due.order_id, &due.card, due.amount).await.map_err(|error| call_error(&error))?;
                Ok(Command::RecordCharge { order_id: due.order_id, result: charged(answer) })
            }
            GatewayCall::Void(order_id) => self.void(*order_id).await,
            GatewayCall::Refund { order_id, capture_id, amount } => {
                let answer = self.0.refund(*order_id, capture_id, *amount).await.map_err(|error| call_error(&error))?;
                Ok(Command::RecordRefund { order_id: *order_id, refund_id: answer.refund_id })
            }
        }
    }
}

impl<G: PaymentGateway> Gateway<G> {
    async fn void(&self, order_id: OrderId) -> Result<Command, CallError> {
        let result = match self.0.void(order_id).await.map_err(|error| call_error(&error))? {
            VoidAnswer::Voided => ChargeResult::Voided,
            VoidAnswer::Captured { capture_id } => ChargeResult::Captured { capture_id },
            VoidAnswer::Declined { code } => ChargeResult::Declined { code },
        };
        Ok(Command::RecordCharge { order_id, result })
    }
}

fn charged(answer: ChargeAnswer) -> ChargeResult {
    match answer {
        ChargeAnswer::Captured { capture_id } => ChargeResult::Captured { capture_id },
        ChargeAnswer::Declined { code } => ChargeResult::Declined { code },
        ChargeAnswer::Voided => ChargeResult::Voided,
    }
}

/// A rejected call has no outcome: the request was malformed, and the state of the charge is unknown.
fn call_error(error: &ProviderError) -> CallError {
    CallError(error.to_string())
}
