//! The services, as they declare themselves.

use std::sync::LazyLock;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use contracts::ServiceName;
use decider::{Reaction, ReactionInfo, Service};

/// A service's part of the saga.
#[derive(Debug)]
pub(crate) struct Part {
    /// Which service.
    pub(crate) owner: ServiceName,
    /// What it says that it does.
    pub(crate) reactions: Vec<ReactionInfo>,
    /// The topics that it reads.
    pub(crate) consumes: Vec<&'static str>,
}

fn part<S: Service>(owner: ServiceName) -> Part {
    let reactions = S::REACTIONS.iter().map(|Reaction { info, .. }| *info).collect();
    Part { owner, reactions, consumes: S::consumes() }
}

macro_rules! parts {
    ($($service:ident $module:ident $event:ident;)+) => {
        /// All services, in the order in which an order meets them.
        pub(crate) static PARTS: LazyLock<Vec<Part>> =
            LazyLock::new(|| vec![$(part::<$module::decider::$service>(ServiceName::$service)),+]);
    };
}
catalog::for_each_owner!(parts);

/// The parts of one service, or of all.
pub(crate) fn parts(wanted: Option<ServiceName>) -> impl Iterator<Item = &'static Part> {
    PARTS.iter().filter(move |part| wanted.is_none_or(|wanted| part.owner == wanted))
}

/// Reads a service's name in an argument.
pub(crate) fn parser() -> impl TypedValueParser<Value = ServiceName> {
    PossibleValuesParser::new(ServiceName::ALL.iter().map(|service| service.name()))
        .map(|name| ServiceName::find(&name).expect("the parser checked it"))
}
