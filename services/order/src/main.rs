//! The order service's process.

use std::{process::ExitCode, sync::Arc};

use order::{api::api, decider::Order};
use runtime::{NoProvider, ServiceDefinition, Variable};

fn main() -> ExitCode {
    runtime::run(&ServiceDefinition::<Order> {
        about: "Order service of the order saga: accepts orders and decides how they end.",
        port: 8080,
        variables: vec![
            Variable::parsed::<u32>(
                "ORDER_DEADLINE_S",
                "60",
                "seconds after which an order that is not complete asks for its own cancellation",
            ),
            Variable::new("TRACE_URL", "", "a timeline's link to its trace, before the trace's id; empty: no link"),
        ],
        provider: |_| Ok(Arc::new(NoProvider)),
        api,
    })
}
