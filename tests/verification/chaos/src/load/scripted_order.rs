//! Orders with a scripted course and a known outcome. Together they cause every event of the saga.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use contracts::OrderId;
use e2e::NewOrder;
use fastrand::Rng;
use providers::simulator::{addresses, cards};
use xtask::wait::{Poll, wait_for};
use xtask::{Client, ServiceName};

use crate::choreography::listing;
use crate::faults::refusal::Refusal;
use crate::load::traffic::{AcceptedOrder, TestProducts, cancel, dispatch, place};
use crate::system::SystemUnderTest;

/// Maximum time for one step, including crashes of services on a busy machine.
const STEP_TIMEOUT: Duration = Duration::from_mins(1);

/// Script of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptedOrder {
    /// Confirmed.
    Sold,
    /// Cancelled: out of stock.
    Short,
    /// Cancelled: the card is declined.
    Declined,
    /// Cancelled: the carrier refuses the shipment.
    Refused,
    /// Cancelled by the customer after the confirmation.
    Cancelled,
    /// Cancelled by the customer while the gateway does not answer.
    Voided,
    Dispatched,
    /// Dispatched before the customer cancels.
    TooLate,
}

impl ScriptedOrder {
    /// All scripts, each with the events and calls that no earlier script causes.
    pub const ALL: [(Self, &'static [&'static str]); 8] = [
        (
            Self::Sold,
            &[
                "OrderPlaced",
                "StockReserved",
                "charge",
                "PaymentCaptured",
                "StockCommitted",
                "book",
                "ShipmentScheduled",
                "OrderConfirmed",
            ],
        ),
        (Self::Short, &["StockReservationRejected"]),
        (Self::Declined, &["PaymentDeclined", "StockReleased", "OrderCancelled"]),
        (Self::Refused, &["ShipmentRejected", "refund", "PaymentRefunded"]),
        (Self::Cancelled, &["OrderCancellationRequested", "ShipmentCancelled", "cancel"]),
        (Self::Voided, &["void", "PaymentVoided"]),
        (Self::Dispatched, &["ShipmentDispatched"]),
        (Self::TooLate, &["ShipmentCancellationRefused"]),
    ];

    /// Returns the first script that causes this event or call.
    pub fn of(event: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, events)| events.contains(&event)).map(|(scripted_order, _)| scripted_order)
    }

    /// Places the order only.
    ///
    /// # Errors
    /// The order is not accepted.
    pub fn place(self, system: &SystemUnderTest, products: &TestProducts) -> Result<AcceptedOrder> {
        let order = NewOrder::of(&products.ample[0], 2);
        let order = match self {
            Self::Short => order.and(&products.scarce[0], 2),
            Self::Declined => order.paid_with(cards::DECLINED),
            Self::Refused => order.to_country(addresses::UNSERVED_COUNTRY),
            Self::Voided => order.paid_with(cards::ERROR),
            Self::Sold | Self::Cancelled | Self::Dispatched | Self::TooLate => order,
        };
        place(system, &order, &mut Rng::new())
    }

    /// Places the order and runs the script to its end.
    ///
    /// # Errors
    /// The order does not reach the scripted statuses in time.
    pub fn run(self, system: &SystemUnderTest, products: &TestProducts) -> Result<AcceptedOrder> {
        let mut order = self.place(system, products)?;
        let id = order.id;
        match self {
            Self::Sold | Self::Short | Self::Declined | Self::Refused => {}
            Self::Cancelled => {
                wait_for_status(system, ServiceName::Order, id, "confirmed")?;
                order.cancelled = cancel(system, id)?;
            }
            Self::Voided => {
                wait_for_status(system, ServiceName::Payment, id, "charging")?;
                order.cancelled = cancel(system, id)?;
            }
            Self::Dispatched => {
                wait_for_status(system, ServiceName::Order, id, "confirmed")?;
                order.dispatched = dispatch(system, id);
            }
            Self::TooLate => {
                wait_for_status(system, ServiceName::Order, id, "confirmed")?;
                // Blocks ShipmentDispatched, so that the order service still accepts the cancellation.
                let refusal = Refusal::begin(system, "shipping.events")?;
                order.dispatched = dispatch(system, id);
                order.cancelled = cancel(system, id)?;
                drop(refusal);
                ensure!(order.cancelled, "the cancellation of order {id} was refused");
            }
        }
        wait_for_status(system, ServiceName::Order, id, self.final_status())?;
        Ok(order)
    }

    fn final_status(self) -> &'static str {
        match self {
            Self::Sold => "confirmed",
            Self::Short | Self::Declined | Self::Refused | Self::Cancelled | Self::Voided => "cancelled",
            Self::Dispatched | Self::TooLate => "dispatched",
        }
    }
}

fn wait_for_status(system: &SystemUnderTest, service: ServiceName, id: OrderId, status: &str) -> Result<()> {
    let list = listing(service).context("no status")?.name;
    let client = Client::with_timeout(system.client(service).base(), Duration::from_secs(2));
    wait_for(&format!("order {id} to be {status} at {service}"), STEP_TIMEOUT, || {
        let seen = match client.get(&format!("/{list}/{id}")) {
            Ok(reply) if reply.body["status"] == status => return Ok(Poll::Ready(())),
            Ok(reply) => reply.body.to_string(),
            Err(error) => format!("{error:#}"),
        };
        Ok(Poll::Pending(seen))
    })
}
