//! Configuration of a run.

use std::fmt;

use contracts::{Money, OrderId, Sku};
use jiff::Timestamp;
use uuid::Uuid;

/// External behaviour that one order encounters.
#[derive(Debug, Clone, Copy)]
pub struct OrderScenario {
    pub card: Card,
    pub address: DeliveryAddress,
    /// The customer may cancel at any moment, also repeatedly.
    pub cancelled: bool,
    /// A clerk may dispatch the parcel at any moment after it is scheduled.
    pub dispatched: bool,
    /// The deadline may pass at any moment. Otherwise it passes only when nothing else can happen.
    pub late: bool,
}

/// Response of the gateway to a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Card {
    Approved,
    Declined,
    /// The gateway never answers.
    Silent,
}

/// Response of the carrier to a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryAddress {
    Served,
    Refused,
    /// The carrier never answers.
    Silent,
}

/// Initial state of a world.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// One scenario for each order.
    pub scenarios: Vec<OrderScenario>,
    /// Mugs on hand. Every order takes one mug, and two units of a product that is never out of stock.
    pub mugs: u32,
    pub guarantees: Guarantees,
}

/// Guarantees of the runtime and the broker.
#[derive(Debug, Clone, Copy)]
pub struct Guarantees {
    /// A record that was processed before is dropped.
    pub inbox: bool,
    /// Events of one order arrive in their order within a topic.
    pub order_within_topic: bool,
    /// Maximum records that are lost on their way to a service.
    pub losses: u8,
    pub waves: WaveRule,
}

/// Rule by which services publish their facts about an order again in waves. Waves start only after a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaveRule {
    /// The rule of the runtime: once in each wave.
    OncePerService,
    /// Wrong: waves are switched off.
    Never,
    /// Wrong: with every record of a wave, because the service does not remember the wave.
    EveryTime,
}

/// Guarantees without operator intervention.
pub const PRODUCTION: Guarantees =
    Guarantees { inbox: true, order_within_topic: true, losses: 0, waves: WaveRule::OncePerService };
/// Every record may be processed repeatedly.
pub const WITHOUT_INBOX: Guarantees = Guarantees { inbox: false, ..PRODUCTION };
/// Redriving and republishing reorder the events of an order even within a topic.
pub const ANY_ORDER: Guarantees = Guarantees { order_within_topic: false, ..PRODUCTION };
/// No guarantees: repetition and any order.
pub const WITHOUT_ANY: Guarantees = Guarantees { inbox: false, ..ANY_ORDER };
/// One record is lost.
pub const ONE_LOSS: Guarantees = Guarantees { losses: 1, ..PRODUCTION };
/// Two records are lost.
pub const TWO_LOSSES: Guarantees = Guarantees { losses: 2, ..PRODUCTION };

/// Units of the second product in every order.
pub(crate) const TEA: u32 = 2;
/// Deadline of every order, placed at the epoch.
pub(crate) const DEADLINE: Timestamp = Timestamp::constant(60, 0);
/// Total of every order.
pub(crate) const TOTAL: Money = Money::eur(1250 + 2 * 899);

pub(crate) fn sku(text: &str) -> Sku {
    text.parse().expect("valid SKU")
}

pub(crate) fn order_id(index: usize) -> OrderId {
    OrderId(Uuid::from_u128(0xA + index as u128))
}

/// Returns the letter of an order in schedules: A, B, ...
pub(crate) fn letter(id: OrderId) -> char {
    format!("{:X}", id.0.as_u128()).chars().next().unwrap_or('?')
}

impl fmt::Display for OrderScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} card to {:?} address", self.card, self.address)?;
        let actors = [(self.cancelled, "customer"), (self.dispatched, "clerk"), (self.late, "clock")];
        let actors: Vec<_> = actors.into_iter().filter(|(is_active, _)| *is_active).map(|(_, actor)| actor).collect();
        if actors.is_empty() { Ok(()) } else { write!(f, " with {}", actors.join(", ")) }
    }
}
