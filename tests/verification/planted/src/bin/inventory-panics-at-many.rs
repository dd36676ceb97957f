//! An inventory service that panics at an order of many units. Tests redrive the record to a build without this bug.

use std::process::ExitCode;

use planted::{
    decider::{Bug, plant},
    services,
};

/// More units than any order of other tests.
const MANY: u32 = 500;

fn main() -> ExitCode {
    plant(Bug::PanicsAt(MANY));
    runtime::run(&services::inventory())
}
