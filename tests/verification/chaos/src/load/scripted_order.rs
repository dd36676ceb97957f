//! Orders of known fates. Together they make every event of the saga happen.

use std::time::Duration;

use anyhow::{Result, ensure};
use contracts::OrderId;
use e2e::NewOrder;
use fastrand::Rng;
use providers::simulator::{addresses, cards};
use xtask::wait::{Poll, wait_for};
use xtask::{Client, ServiceName};

use crate::faults::refusal::Refusal;
use crate::load::traffic::{AcceptedOrder, TestProducts, cancel, dispatch, place};
use crate::system::SystemUnderTest;

/// How long an order may take to come where it must, also when services crash on its way and the machine is busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// What becomes of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptedOrder {
    /// It is confirmed.
    Sold,
    /// There is not enough of it.
    Short,
    /// Its card is declined.
    Declined,
    /// The carrier refuses it.
    Refused,
    /// It is cancelled by its customer after it was confirmed.
    Cancelled,
    /// It is cancelled by its customer while the gateway does not answer.
    Voided,
    /// It is dispatched.
    Dispatched,
    /// It is dispatched, and its customer did not know it yet and cancelled it.
    TooLate,
}

impl ScriptedOrder {
    /// All of them, with the events and calls that each adds to those before it.
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

    /// A scripted_order in which this event or call happens; `None`: the saga has no such event.
    pub fn of(event: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, events)| events.contains(&event)).map(|(scripted_order, _)| scripted_order)
    }

    /// Places its order, and does nothing more.
    ///
    /// # Errors
    /// It is not accepted.
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

    /// Tells it to its end.
    ///
    /// # Errors
    /// It goes another way, or takes too long.
    pub fn run(self, system: &SystemUnderTest, products: &TestProducts) -> Result<AcceptedOrder> {
        let mut order = self.place(system, products)?;
        let id = order.id;
        match self {
            Self::Sold | Self::Short | Self::Declined | Self::Refused => {}
            Self::Cancelled => {
                wait_until_it_is(system, ServiceName::Order, id, "confirmed")?;
                order.cancelled = cancel(system, id)?;
            }
            Self::Voided => {
                wait_until_it_is(system, ServiceName::Payment, id, "charging")?;
                order.cancelled = cancel(system, id)?;
            }
            Self::Dispatched => {
                wait_until_it_is(system, ServiceName::Order, id, "confirmed")?;
                order.dispatched = dispatch(system, id);
            }
            Self::TooLate => {
                wait_until_it_is(system, ServiceName::Order, id, "confirmed")?;
                // That it is dispatched can't be published, so that its customer does not hear of it.
                let refusal = Refusal::begin(system, "shipping.events")?;
                order.dispatched = dispatch(system, id);
                order.cancelled = cancel(system, id)?;
                drop(refusal);
                ensure!(order.cancelled, "order {id} was known to be dispatched");
            }
        }
        wait_until_it_is(system, ServiceName::Order, id, self.end())?;
        Ok(order)
    }

    fn end(self) -> &'static str {
        match self {
            Self::Sold => "confirmed",
            Self::Short | Self::Declined | Self::Refused | Self::Cancelled | Self::Voided => "cancelled",
            Self::Dispatched | Self::TooLate => "dispatched",
        }
    }
}

fn wait_until_it_is(system: &SystemUnderTest, service: ServiceName, id: OrderId, status: &str) -> Result<()> {
    let what = if service == ServiceName::Payment { "payments" } else { "orders" };
    let client = Client::with_timeout(system.client(service).base(), Duration::from_secs(2));
    wait_for(&format!("order {id} to be {status} at {service}"), PATIENCE, || {
        let seen = match client.get(&format!("/{what}/{id}")) {
            Ok(reply) if reply.body["status"] == status => return Ok(Poll::Ready(())),
            Ok(reply) => reply.body.to_string(),
            Err(error) => format!("{error:#}"),
        };
        Ok(Poll::Pending(seen))
    })
}
