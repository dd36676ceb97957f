//! An inventory service that relies on the inbox: its decider would book a repeated receipt again.

use std::{process::ExitCode, sync::Arc};

use planted::{
    api::api,
    decider::{Bug, Inventory, plant},
};
use runtime::{NoProvider, ServiceDefinition};

fn main() -> ExitCode {
    plant(Bug::BooksReceiptsTwice);
    runtime::run(&ServiceDefinition::<Inventory> {
        about: "Inventory service of the order saga: keeps the stock and reserves it for orders.",
        port: 8081,
        variables: vec![],
        provider: |_| Ok(Arc::new(NoProvider)),
        api,
    })
}
