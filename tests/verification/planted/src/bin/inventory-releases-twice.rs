//! An inventory service that puts back twice what an order held.

use std::{process::ExitCode, sync::Arc};

use planted::{
    api::api,
    decider::{Bug, Inventory, plant},
};
use runtime::{NoOutside, ServiceParts};

fn main() -> ExitCode {
    plant(Bug::ReleasesTwice);
    runtime::run(&ServiceParts::<Inventory> { port: 8081, variables: vec![], outside: |_| Ok(Arc::new(NoOutside)), api })
}
