//! Public interfaces, checked by third-party tools.
//!
//! Events are read from Kafka by the CloudEvents SDK for Python and validated by its `jsonschema`; the running services
//! are held to their OpenAPI documents by schemathesis; the AsyncAPI document is read by AsyncAPI's own parser. The
//! tools' programs and versions are in `tests/verification/conformance`.

mod checks;
mod orders;
mod tools;

use anyhow::Result;

use crate::broker::Broker;
use crate::build::workspace::Workspace;
use crate::build::{compile, requirements};
use crate::demo;
use crate::demo::shop::Shop;
use crate::progress::Progress;
use catalog::ServiceName;
use checks::{Checks, Served};
use tools::Tools;

/// Fetches the tools, starts a broker and the services, places orders of every kind, and runs all checks, even if one
/// fails. Returns the exit code of the first failed check, or 0.
///
/// # Errors
/// Something cannot be fetched, built or started, or an order has an unexpected outcome.
pub fn run(workspace: &Workspace, progress: Progress) -> Result<u8> {
    requirements::ensure(workspace, &requirements::FOR_BUILDING, progress)?;
    requirements::ensure(workspace, &requirements::FOR_CONFORMANCE, progress)?;
    let tools = Tools::prepare(workspace, progress)?;
    compile::services(workspace, false, progress)?;
    let broker = Broker::obtain(workspace, progress)?;
    let prefix = demo::topic_prefix(broker.kind());
    let suite = demo::start_services(workspace, &broker, prefix.as_deref(), false, progress)?;
    let shop = Shop::of(&suite);
    demo::seed(&shop, progress)?;
    let order_id = orders::place(&suite, &shop, progress)?;
    let served = Served { suite: &suite, order_id: &order_id };
    let checks = Checks::new(workspace, &tools, progress)?;
    let mut codes = Vec::new();
    for service in ServiceName::all() {
        codes.push(checks.openapi(service, &served)?);
    }
    // After the API checks, so that the events of their unusual orders are read, too.
    codes.push(checks.events(broker.bootstrap_servers(), prefix.as_deref())?);
    codes.push(checks.asyncapi()?);
    Ok(codes.into_iter().find(|code| *code != 0).unwrap_or(0))
}
