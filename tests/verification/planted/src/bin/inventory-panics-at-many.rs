//! An inventory service that panics at an order of many units: not for the chaos test, but for what an operator does about
//! a record that a build can't handle and the next one can.

use std::{process::ExitCode, sync::Arc};

use planted::{
    api::api,
    decider::{Bug, Inventory, plant},
};
use runtime::{NoProvider, ServiceDefinition};

/// More than any order of the other tests has.
const MANY: u32 = 500;

fn main() -> ExitCode {
    plant(Bug::PanicsAt(MANY));
    runtime::run(&ServiceDefinition::<Inventory> {
        port: 8081,
        variables: vec![],
        provider: |_| Ok(Arc::new(NoProvider)),
        api,
    })
}
