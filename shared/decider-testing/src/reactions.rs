//! Checks of a service's table of reactions.

use std::collections::BTreeSet;

use cloudevent::Contract as _;
use decider::{Reaction, Service};

/// Checks the service's table of reactions and returns the names of the events in it, in order.
///
/// # Panics
/// An event appears twice or is the service's own, or a reaction emits an event that the service does not own.
pub fn check_reactions<S: Service>() -> Vec<&'static str> {
    let events: Vec<_> = S::REACTIONS.iter().filter_map(Reaction::event).collect();
    let distinct: BTreeSet<_> = events.iter().collect();
    assert_eq!(distinct.len(), events.len(), "an event appears twice");
    for event in &events {
        assert_ne!(event.owner, S::Public::OWNER, "{} is the service's own event", event.name);
    }
    for Reaction { info, .. } in S::REACTIONS {
        for emitted in info.emits {
            let is_owned = S::Public::TYPES.iter().any(|owned| owned.name == emitted.name);
            assert!(is_owned, "{} emits {}, which {} does not own", info.command, emitted.name, S::Public::OWNER);
        }
    }
    events.into_iter().map(|event| event.name).collect()
}
