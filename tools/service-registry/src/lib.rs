#![doc = include_str!("../README.md")]

use std::sync::LazyLock;

use catalog::{ServiceName, for_each_owner};
use contracts::{Contract as _, EventType};
use decider::{Reaction, ReactionInfo, Service};

/// Declarations of one service.
#[derive(Debug, Clone)]
pub struct LinkedService {
    /// The service, as owner of its topic.
    pub owner: ServiceName,
    pub reactions: Vec<ReactionInfo>,
    /// Topics that the service reads.
    pub consumes: Vec<&'static str>,
    /// Events that the service may publish.
    pub publishes: &'static [EventType],
}

impl LinkedService {
    fn of<S: Service>(owner: ServiceName) -> Self {
        let reactions = S::REACTIONS.iter().map(|Reaction { info, .. }| *info).collect();
        Self { owner, reactions, consumes: S::consumes(), publishes: S::Public::TYPES }
    }
}

/// Generic code over the decider type of a service.
pub trait ServiceVisitor {
    /// Result of the visit.
    type Output;

    /// Runs with the decider of the service.
    fn visit<S: Service>(self) -> Self::Output;
}

macro_rules! registry {
    ($($variant:ident $module:ident $event:ident;)+) => {
        /// All linked services, in the order of the catalog.
        pub static LINKED: LazyLock<Vec<LinkedService>> =
            LazyLock::new(|| vec![$(LinkedService::of::<$module::decider::$variant>(ServiceName::$variant)),+]);

        /// Calls the visitor with the decider of a service. Returns `None` for a service without its own topic.
        pub fn visit<V: ServiceVisitor>(service: ServiceName, visitor: V) -> Option<V::Output> {
            $(if service == ServiceName::$variant {
                return Some(visitor.visit::<$module::decider::$variant>());
            })+
            None
        }
    };
}
for_each_owner!(registry);

/// One linked service, or all of them.
pub fn linked(wanted: Option<ServiceName>) -> impl Iterator<Item = &'static LinkedService> {
    LINKED.iter().filter(move |service| wanted.is_none_or(|wanted| service.owner == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linked_services_own_the_events_they_publish() {
        for service in LINKED.iter() {
            for event in service.publishes {
                assert_eq!(event.owner, service.owner.name(), "owner of {}", event.name);
            }
        }
    }

    #[test]
    fn linked_services_are_the_owners_of_the_catalog() {
        let names: Vec<_> = LINKED.iter().map(|service| service.owner).collect();
        let owners: Vec<_> = ServiceName::owners().map(|(name, _)| name).collect();
        assert_eq!(names, owners);
    }
}
