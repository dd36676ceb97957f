//! What the services say that they do, as data.

use std::collections::BTreeSet;

use contracts::{Contract as _, EventType, Owner};
use decider::{Reaction, Service, Trigger};
use inventory::decider::Inventory;
use order::decider::Order;
use payment::decider::Payment;
use shipping::decider::Shipping;

use crate::Observed;

/// A service's part of the saga.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Which service.
    pub owner: Owner,
    /// What it says that it does.
    pub reactions: &'static [Reaction],
    /// The topics that it reads.
    pub consumes: &'static [&'static str],
    /// The events that it may publish.
    pub publishes: &'static [EventType],
}

const fn part<S: Service>() -> Part {
    Part { owner: S::Public::OWNER, reactions: S::REACTIONS, consumes: S::CONSUMES, publishes: S::Public::TYPES }
}

/// All services, in the order in which an order meets them.
pub const PARTS: [Part; 4] = [part::<Order>(), part::<Inventory>(), part::<Payment>(), part::<Shipping>()];

/// All reactions, with the service that has them.
pub fn reactions() -> impl Iterator<Item = (Owner, &'static Reaction)> {
    PARTS.into_iter().flat_map(|part| part.reactions.iter().map(move |reaction| (part.owner, reaction)))
}

/// All event types.
pub fn events() -> impl Iterator<Item = &'static EventType> {
    PARTS.into_iter().flat_map(|part| part.publishes)
}

/// What should be seen when everything that can happen happens.
pub fn declared() -> BTreeSet<Observed> {
    let mut declared = BTreeSet::new();
    for (owner, reaction) in reactions() {
        let commands = std::iter::once(None);
        for emits in commands.chain(reaction.emits.iter().copied().map(Some)) {
            let Reaction { to: trigger, command, .. } = *reaction;
            declared.insert(Observed { service: owner.name(), trigger, command, emits });
        }
    }
    declared
}

/// Who reacts to an event.
pub fn consumers(event: &str) -> impl Iterator<Item = (Owner, &'static Reaction)> {
    reactions().filter(move |(_, reaction)| reaction.to == Trigger::Event(event_name(event)))
}

fn event_name(name: &str) -> &'static str {
    contracts::event_type(name).map_or("", |event| event.name)
}

/// The events that an event may lead to, in one step.
pub fn follow_ups(event: &str) -> BTreeSet<&'static str> {
    consumers(event).flat_map(|(_, reaction)| reaction.emits).copied().collect()
}
