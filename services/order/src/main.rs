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
                "seconds until an unfinished order requests its own cancellation",
            ),
            Variable::new(
                "TRACE_URL",
                "",
                "URL prefix of the trace links in timelines, followed by the trace id; empty: no links",
            ),
        ],
        provider: |_| Ok(Arc::new(NoProvider)),
        api,
    })
}
