//! What the services say that they do, as data.

use std::{collections::BTreeSet, sync::LazyLock};

use contracts::{Contract as _, EventType, ServiceName};
use decider::{Reaction, ReactionInfo, Service, Trigger};

use crate::Observed;

/// A service's part of the saga.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which service.
    pub owner: ServiceName,
    /// What it says that it does.
    pub reactions: Vec<ReactionInfo>,
    /// The topics that it reads.
    pub consumes: Vec<&'static str>,
    /// The events that it may publish.
    pub publishes: &'static [EventType],
}

fn part<S: Service>(owner: ServiceName) -> Part {
    let reactions = S::REACTIONS.iter().map(|Reaction { info, .. }| *info).collect();
    Part { owner, reactions, consumes: S::consumes(), publishes: S::Public::TYPES }
}

macro_rules! parts {
    ($($service:ident $module:ident $event:ident;)+) => {
        /// All services, in the order in which an order meets them.
        pub static PARTS: LazyLock<Vec<Part>> =
            LazyLock::new(|| vec![$(part::<$module::decider::$service>(ServiceName::$service)),+]);
    };
}
catalog::for_each_owner!(parts);

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
