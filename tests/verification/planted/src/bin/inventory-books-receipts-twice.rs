//! An inventory service that relies on the inbox: its decider would book a repeated receipt again.

use std::process::ExitCode;

use planted::{
    decider::{Bug, plant},
    services,
};

fn main() -> ExitCode {
    plant(Bug::BooksReceiptsTwice);
    runtime::run(&services::inventory())
}
