//! The inventory service's process.

use std::{process::ExitCode, sync::Arc};

use inventory::{api::api, decider::Inventory};
use runtime::{NoOutside, ServiceParts};

fn main() -> ExitCode {
    runtime::run(&ServiceParts::<Inventory> { port: 8081, variables: vec![], outside: |_| Ok(Arc::new(NoOutside)), api })
}
