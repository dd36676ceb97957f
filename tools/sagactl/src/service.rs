//! The four services, as what they declare of themselves.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use contracts::{Contract as _, Owner};
use decider::{Reaction, Service};
use inventory::decider::Inventory;
use order::decider::Order;
use payment::decider::Payment;
use shipping::decider::Shipping;

/// A service's part of the saga.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// Which service.
    pub(crate) owner: Owner,
    /// What it says that it does.
    pub(crate) reactions: &'static [Reaction],
    /// The topics that it reads.
    pub(crate) consumes: &'static [&'static str],
}

const fn part<S: Service>() -> Part {
    Part { owner: S::Public::OWNER, reactions: S::REACTIONS, consumes: S::CONSUMES }
}

/// All services, in the order in which an order meets them.
pub(crate) const PARTS: [Part; 4] = [part::<Order>(), part::<Inventory>(), part::<Payment>(), part::<Shipping>()];

/// The parts of one service, or of all.
pub(crate) fn parts(wanted: Option<Owner>) -> impl Iterator<Item = Part> {
    PARTS.into_iter().filter(move |part| wanted.is_none_or(|wanted| part.owner == wanted))
}

/// Reads a service's name in an argument.
pub(crate) fn parser() -> impl TypedValueParser<Value = Owner> {
    PossibleValuesParser::new(PARTS.map(|part| part.owner.name())).try_map(|name| name.parse::<Owner>())
}
