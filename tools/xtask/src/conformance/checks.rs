//! The checks: each runs one tool for a limited time and prints the tool's result.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::tools::Tools;
use crate::build::workspace::Workspace;
use crate::demo::scenario::CONFIRMED;
use crate::process::tool;
use crate::progress::Progress;
use crate::suite::Suite;
use catalog::ServiceName;

const CHECKING: Duration = Duration::from_mins(3);

/// Heading of the summary in schemathesis' report.
const SUMMARY: &str = "= SUMMARY =";

/// The AsyncAPI document.
const ASYNCAPI: &str = "docs/asyncapi.json";

/// The running services, and an order that all of them know.
pub(super) struct Served<'s> {
    pub(super) suite: &'s Suite,
    pub(super) order_id: &'s str,
}

pub(super) struct Checks<'t> {
    tools: &'t Tools,
    root: PathBuf,
    logs: PathBuf,
    progress: Progress,
}

impl<'t> Checks<'t> {
    pub(super) fn new(workspace: &Workspace, tools: &'t Tools, progress: Progress) -> Result<Self> {
        let logs = workspace.run_dir("conformance-logs")?;
        Ok(Self { tools, root: workspace.root().to_owned(), logs, progress })
    }

    /// Checks that a service follows its OpenAPI document for arbitrary requests.
    pub(super) fn openapi(&self, service: ServiceName, served: &Served) -> Result<u8> {
        let mut command = self.tools.python("schemathesis");
        command.args(["--config-file", "schemathesis.toml", "run", "--no-color"]);
        command.arg(format!("{}/openapi.json", served.suite.url(service)));
        command.env("CONFORMANCE_SKU", CONFIRMED.product.sku).env("CONFORMANCE_ORDER", served.order_id);
        self.check(&format!("schemathesis of {service}"), command)
    }

    /// Checks that every event in Kafka is a `CloudEvent` that fits its schema, and that every type occurs.
    pub(super) fn events(&self, bootstrap_servers: &str, topic_prefix: Option<&str>) -> Result<u8> {
        let mut command = self.tools.python("python");
        command.args(["events.py", "--bootstrap-servers", bootstrap_servers]);
        command.arg("--schemas").arg(self.root.join("shared/contracts/schemas"));
        command.args(["--topic-prefix", topic_prefix.unwrap_or_default()]);
        self.check("events read by CloudEvents' SDK for Python", command)
    }

    /// Checks that the AsyncAPI document is valid.
    pub(super) fn asyncapi(&self) -> Result<u8> {
        let mut command = self.tools.node("asyncapi.mjs");
        command.arg(self.root.join(ASYNCAPI));
        self.check(&format!("{ASYNCAPI} read by AsyncAPI's parser"), command)
    }

    fn check(&self, what: &str, command: Command) -> Result<u8> {
        let log = self.logs.join(what.replace([' ', '/', '\''], "-")).with_extension("log");
        let step = self.progress.step(what);
        let code = tool::run_logged(what, command, &log, CHECKING)?;
        if code == 0 {
            step.done(what);
        } else {
            drop(step);
        }
        let said = fs::read_to_string(&log).with_context(|| format!("failed to read {}", log.display()))?;
        println!("{}", if code == 0 { in_short(&said) } else { &said });
        Ok(code)
    }
}

/// The text after the heading of the summary, or the whole text without a summary.
fn in_short(said: &str) -> &str {
    let Some(place) = said.find(SUMMARY) else { return said.trim_end() };
    let after = said[place..].split_once('\n').map_or("", |(_, after)| after);
    after.trim_matches('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_cut_to_its_summary_if_it_has_one() {
        assert_eq!(in_short("a\n===== SUMMARY =====\n\nb\n\n== c ==\n"), "b\n\n== c ==");
        assert_eq!(in_short("a\nb\n"), "a\nb");
    }
}
