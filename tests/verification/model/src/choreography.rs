//! What the services say that they do, as data.

use std::collections::BTreeSet;

use contracts::{EventType, ServiceName};
use decider::{ReactionInfo, Trigger};

pub use service_registry::{LINKED as PARTS, LinkedService as Part};

use crate::Observed;

/// All reactions, with the service that has them.
pub fn reactions() -> impl Iterator<Item = (ServiceName, &'static ReactionInfo)> {
    PARTS.iter().flat_map(|part| part.reactions.iter().map(move |reaction| (part.owner, reaction)))
}

/// All event types.
pub fn events() -> impl Iterator<Item = &'static EventType> {
    PARTS.iter().flat_map(|part| part.publishes)
}

/// What should be seen when everything that can happen happens.
pub fn declared() -> BTreeSet<Observed> {
    let mut declared = BTreeSet::new();
    for (owner, reaction) in reactions() {
        let commands = std::iter::once(None);
        for emits in commands.chain(reaction.emits.iter().map(|event| Some(event.name))) {
            let ReactionInfo { trigger, command, .. } = *reaction;
            declared.insert(Observed { service: owner.name(), trigger, command, emits });
        }
    }
    declared
}

/// Who reacts to an event.
pub fn consumers(event: &str) -> impl Iterator<Item = (ServiceName, &'static ReactionInfo)> {
    reactions().filter(move |(_, reaction)| reaction.trigger == Trigger::Event(event_name(event)))
}

fn event_name(name: &str) -> &'static str {
    contracts::event_type(name).map_or("", |event| event.name)
}

/// The events that an event may lead to, in one step.
pub fn follow_ups(event: &str) -> BTreeSet<&'static str> {
    consumers(event).flat_map(|(_, reaction)| reaction.emits).map(|event| event.name).collect()
}
