//! The flight service's process.

use std::{process::ExitCode, sync::Arc};

use runtime::{NoProvider, ServiceDefinition};
use trip::{api, flight::Flight};

fn main() -> ExitCode {
    runtime::run(&ServiceDefinition::<Flight> {
        about: "Flight service of the trip domain: books and cancels flights.",
        port: 8090,
        variables: vec![],
        provider: |_| Ok(Arc::new(NoProvider)),
        api: api::flight,
    })
}
