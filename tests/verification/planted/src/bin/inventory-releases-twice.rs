//! An inventory service that puts back twice what an order held.

use std::{process::ExitCode, sync::Arc};

use planted::{
    api::api,
    decider::{Bug, Inventory, plant},
};
use runtime::{NoProvider, ServiceDefinition};

fn main() -> ExitCode {
    plant(Bug::ReleasesTwice);
    runtime::run(&ServiceDefinition::<Inventory> {
        port: 8081,
        variables: vec![],
        provider: |_| Ok(Arc::new(NoProvider)),
        api,
    })
}
