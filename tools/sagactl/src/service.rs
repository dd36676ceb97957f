//! Names of services as command-line arguments.

use catalog::ServiceName;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Parses the name of a service.
pub(crate) fn parser() -> impl TypedValueParser<Value = ServiceName> {
    let names = ServiceName::all().map(ServiceName::name);
    PossibleValuesParser::new(names).try_map(|name| ServiceName::find(&name).ok_or("invalid service name"))
}

/// One service, or all of them.
pub(crate) fn selected(wanted: Option<ServiceName>) -> Vec<ServiceName> {
    wanted.map_or_else(|| ServiceName::all().collect(), |service| vec![service])
}
