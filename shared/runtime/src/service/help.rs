//! The text of `--help`.

use std::fmt::Write as _;

use crate::service::{config::shared_variables, environment::Variable};

/// Stands for all variables that set a librdkafka property.
const PROPERTY: (&str, &str) = ("KAFKA_<PROPERTY>", "any librdkafka property, e.g. KAFKA_SESSION_TIMEOUT_MS=6000");

/// The help text of a service, with its shared and its own variables.
pub(super) fn help(service: &str, about: &str, port: u16, own: &[Variable]) -> String {
    let variables = variables(&shared_variables(service, port), own);
    format!(
        "{about}\n\n\
         Usage: {service} [--help | --version | --health]\n\n\
         Environment variables [default]:\n{variables}\n\
         Stops on SIGTERM or SIGINT after it has finished the work in progress. Exit codes: 0 stopped by a signal,\n\
         1 failed, 64 invalid arguments or configuration. --health requests /readyz from the service that runs\n\
         with the same environment: 0 ready, 1 not ready.\n"
    )
}

/// One line for each variable. The texts start in the same column, behind the longest name.
fn variables(shared: &[Variable], own: &[Variable]) -> String {
    let all = || shared.iter().chain(own);
    let width = all().map(|variable| variable.name.len()).max().unwrap_or_default();
    let mut lines = String::new();
    for Variable { name, default, meaning, .. } in all() {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "  {name:<width$}  {meaning} [{default}]");
    }
    let (name, meaning) = PROPERTY;
    let _ = writeln!(lines, "  {name:<width$}  {meaning}");
    lines
}
