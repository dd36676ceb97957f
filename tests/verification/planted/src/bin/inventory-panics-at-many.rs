//! An inventory service that panics at an order of many units. Tests redrive the record to a build without this bug.

use std::{process::ExitCode, sync::Arc};

use planted::{
    api::api,
    decider::{Bug, Inventory, plant},
};
use runtime::{NoProvider, ServiceDefinition};

/// More units than any order of other tests.
const MANY: u32 = 500;

fn main() -> ExitCode {
    plant(Bug::PanicsAt(MANY));
    runtime::run(&ServiceDefinition::<Inventory> {
        about: "Inventory service of the order saga: keeps the stock and reserves it for orders.",
        port: 8081,
        variables: vec![],
        provider: |_| Ok(Arc::new(NoProvider)),
        api,
    })
}
