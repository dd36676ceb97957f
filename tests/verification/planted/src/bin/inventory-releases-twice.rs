//! An inventory service that releases the reserved units of an order twice.

use std::process::ExitCode;

use planted::{
    decider::{Bug, plant},
    services,
};

fn main() -> ExitCode {
    plant(Bug::ReleasesTwice);
    runtime::run(&services::inventory())
}
