//! The inventory service's process.

use std::{process::ExitCode, sync::Arc};

use inventory::{api::api, decider::Inventory};
use runtime::{NoProvider, ServiceDefinition};

fn main() -> ExitCode {
    runtime::run(&ServiceDefinition::<Inventory> {
        about: "Inventory service of the order saga: keeps the stock and reserves it for orders.",
        port: 8081,
        variables: vec![],
        provider: |_| Ok(Arc::new(NoProvider)),
        api,
    })
}
