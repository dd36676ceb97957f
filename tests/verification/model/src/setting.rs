//! What differs from run to run.

use contracts::{Money, OrderId, Sku};
use uuid::Uuid;

/// What becomes of one order, as far as others decide it.
#[derive(Debug, Clone, Copy)]
pub struct Story {
    /// What the gateway does.
    pub card: Card,
    /// What the carrier does.
    pub address: Destination,
    /// The customer cancels at any moment, and perhaps again.
    pub cancelled: bool,
    /// Somebody dispatches the parcel as soon as that is possible, or later.
    pub dispatched: bool,
    /// The deadline may pass at any moment, and not only when nothing else happens any more.
    pub late: bool,
}

/// What the gateway does when it is asked to charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Card {
    /// It takes the money.
    Approved,
    /// It declines.
    Declined,
    /// It never answers.
    Silent,
}

/// What the carrier does when it is asked to fetch a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// It comes for the parcel.
    Served,
    /// It refuses.
    Refused,
    /// It never answers.
    Silent,
}

/// What a world begins with.
#[derive(Debug, Clone)]
pub struct Setting {
    /// One for each order.
    pub stories: Vec<Story>,
    /// Units on hand. Every order wants one, and two of something of which there is enough.
    pub mugs: u32,
    /// What the services may rely on.
    pub guarantees: Guarantees,
}

/// What the shell and the broker do for the services.
#[derive(Debug, Clone, Copy)]
pub struct Guarantees {
    /// A message that was handled before is recognized and dropped.
    pub inbox: bool,
    /// The events of one order on one topic arrive in the order they were published in.
    pub order_within_topic: bool,
}

/// What the shell and Kafka guarantee.
pub const PRODUCTION: Guarantees = Guarantees { inbox: true, order_within_topic: true };
/// Every message may be handled again.
pub const WITHOUT_INBOX: Guarantees = Guarantees { inbox: false, order_within_topic: true };
/// As when dead letters are redriven much later.
pub const WITHOUT_ANY: Guarantees = Guarantees { inbox: false, order_within_topic: false };

pub(crate) const TEA: u32 = 2;
pub(crate) const TOTAL: Money = Money::eur(1250 + 2 * 899);

pub(crate) fn sku(text: &str) -> Sku {
    text.parse().expect("a SKU")
}

pub(crate) fn order_id(index: usize) -> OrderId {
    OrderId(Uuid::from_u128(0xA + index as u128))
}

/// Orders are called A, B, ... in schedules.
pub(crate) fn letter(id: OrderId) -> char {
    format!("{:X}", id.0.as_u128()).chars().next().unwrap_or('?')
}

impl std::fmt::Display for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} card to {:?} address", self.card, self.address)?;
        let whims = [(self.cancelled, "customer"), (self.dispatched, "clerk"), (self.late, "clock")];
        let who: Vec<_> = whims.into_iter().filter(|(may, _)| *may).map(|(_, who)| who).collect();
        if who.is_empty() { Ok(()) } else { write!(f, " with {}", who.join(", ")) }
    }
}
