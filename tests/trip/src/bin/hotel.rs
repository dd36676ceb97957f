//! The hotel service's process.

use std::{process::ExitCode, sync::Arc};

use runtime::{NoProvider, ServiceDefinition};
use trip::{api, hotel::Hotel};

fn main() -> ExitCode {
    runtime::run(&ServiceDefinition::<Hotel> {
        about: "Hotel service of the trip domain: books rooms while it has any.",
        port: 8091,
        variables: vec![],
        provider: |_| Ok(Arc::new(NoProvider)),
        api: api::hotel,
    })
}
