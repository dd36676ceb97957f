//! An inventory service that puts back twice what an order held.

use std::{process::ExitCode, sync::Arc};

use planted::{
    api::api,
    decider::{Bug, Inventory, plant},
};
use shell::{NoOutside, ServiceParts};

fn main() -> ExitCode {
    plant(Bug::ReleasesTwice);
    shell::run(&ServiceParts::<Inventory> { port: 8081, variables: vec![], outside: |_| Ok(Arc::new(NoOutside)), api })
}
