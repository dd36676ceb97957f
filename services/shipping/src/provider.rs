//! The carrier, as the shipping service calls it.

use async_trait::async_trait;
use providers::{BookAnswer, Carrier, ProviderError};
use runtime::{CallError, CallInfo, ProviderClient};

use crate::{
    decider::{BookingResult, Command, Shipping},
    policy::CarrierCall,
};

/// Makes the shipping service's calls to a carrier.
pub struct CarrierCalls<C>(pub C);

#[async_trait]
impl<C: Carrier> ProviderClient<Shipping> for CarrierCalls<C> {
    fn describe(&self, call: &CarrierCall) -> CallInfo {
        let (operation, order_id) = match call {
            CarrierCall::Book(destination) => ("book", destination.order_id),
            CarrierCall::Cancel(order_id) => ("cancel", *order_id),
        };
        CallInfo::new("carrier", operation, order_id)
    }

    async fn call(&self, call: &CarrierCall) -> Result<Command, CallError> {
        match call {
            CarrierCall::Book(destination) => {
                let order_id = destination.order_id;
                let answer = self.0.book(order_id, &destination.address).await.map_err(|error| call_error(&error))?;
                Ok(Command::RecordBooking { order_id, result: booked(answer) })
            }
            CarrierCall::Cancel(order_id) => {
                self.0.cancel(*order_id).await.map_err(|error| call_error(&error))?;
                Ok(Command::RecordCancellation(*order_id))
            }
        }
    }
}

fn booked(answer: BookAnswer) -> BookingResult {
    match answer {
        BookAnswer::Booked { tracking } => BookingResult::Booked { tracking },
        BookAnswer::Refused { reason } => BookingResult::Refused { reason },
        // The shipment is cancelled already if this service cancelled the booking; then the refusal has no effect.
        BookAnswer::Cancelled => BookingResult::Refused { reason: "the booking was cancelled".to_owned() },
    }
}

/// A rejected call has no outcome: the request was malformed, and the state of the booking is unknown.
fn call_error(error: &ProviderError) -> CallError {
    CallError(error.to_string())
}
