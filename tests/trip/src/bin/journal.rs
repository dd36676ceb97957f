//! The journal's process.

use std::{process::ExitCode, sync::Arc};

use runtime::{NoProvider, ServiceDefinition};
use trip::{api, journal::Journal};

fn main() -> ExitCode {
    runtime::run(&ServiceDefinition::<Journal> {
        about: "Journal of the trip domain: records every event.",
        port: 8092,
        variables: vec![],
        provider: |_| Ok(Arc::new(NoProvider)),
        api: api::journal,
    })
}
