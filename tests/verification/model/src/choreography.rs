//! The services' declared reactions, as data.

use std::collections::BTreeSet;

use catalog::ServiceName;
use contracts::EventType;
use decider::{ReactionInfo, Trigger};

pub use service_registry::{LINKED as SERVICES, LinkedService as ServiceDeclaration};

use crate::schedule::Observed;

/// All reactions, each with its service.
pub fn reactions() -> impl Iterator<Item = (ServiceName, &'static ReactionInfo)> {
    SERVICES.iter().flat_map(|service| service.reactions.iter().map(move |reaction| (service.owner, reaction)))
}

/// All event types.
pub fn events() -> impl Iterator<Item = &'static EventType> {
    SERVICES.iter().flat_map(|service| service.publishes)
}

/// Expected observations of a complete exploration.
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

/// Reactions to an event.
pub fn consumers(event: &str) -> impl Iterator<Item = (ServiceName, &'static ReactionInfo)> {
    reactions().filter(move |(_, reaction)| matches!(reaction.trigger, Trigger::Event(name) if name == event))
}

/// Events that an event may cause in one step.
pub fn direct_consequences(event: &str) -> BTreeSet<&'static str> {
    consumers(event).flat_map(|(_, reaction)| reaction.emits).map(|event| event.name).collect()
}
