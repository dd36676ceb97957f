//! The broker's settings: one committed template for both ways of running it.

use std::fs;

use anyhow::{Context, Result};

use crate::build::workspace::Workspace;
use crate::process::ports;

/// Name of the data directory in a broker's directory.
pub(super) const DATA: &str = "data";

/// The ports of one broker, the same after a restart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    /// For clients.
    pub(super) clients: u16,
    /// For the broker's connection to its controller.
    pub(super) controller: u16,
}

impl Ports {
    pub(super) fn free() -> Result<Self> {
        Ok(Self { clients: ports::free()?, controller: ports::free()? })
    }

    pub(super) fn address(self) -> String {
        format!("127.0.0.1:{}", self.clients)
    }
}

/// The template `deploy/kafka/server.properties`, filled in: listening at the address `bind`, data in `data`.
pub(super) fn render(workspace: &Workspace, ports: Ports, bind: &str, data: &str) -> Result<String> {
    let path = workspace.root().join("deploy/kafka/server.properties");
    let template = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
    Ok(fill_in(&template, ports, bind, data))
}

fn fill_in(template: &str, ports: Ports, bind: &str, data: &str) -> String {
    template
        .replace("${port}", &ports.clients.to_string())
        .replace("${controller.port}", &ports.controller.to_string())
        .replace("${bind}", bind)
        .replace("${data}", data)
}

/// Each property as an environment variable of the apache/kafka image: `num.partitions=3` is `KAFKA_NUM_PARTITIONS=3`.
pub(super) fn as_environment(properties: &str) -> Vec<String> {
    let settings = properties.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    settings.filter_map(|line| line.split_once('=')).map(|(key, value)| variable(key, value)).collect()
}

fn variable(key: &str, value: &str) -> String {
    let name = key.trim().replace('_', "__").replace('-', "___").replace('.', "_").to_uppercase();
    format!("KAFKA_{name}={}", value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = Ports { clients: 29_092, controller: 29_093 };

    #[test]
    fn committed_template_is_filled_completely() {
        let workspace = Workspace::find().expect("this is a workspace");
        let text = render(&workspace, PORTS, "127.0.0.1", "/data").expect("rendered");
        let settings: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(!settings.iter().any(|line| line.contains("${")), "{text}");
        assert!(settings.contains(&"advertised.listeners=BROKER://127.0.0.1:29092"));
        assert!(settings.contains(&"controller.quorum.voters=1@127.0.0.1:29093"));
    }

    #[test]
    fn properties_become_the_variables_of_the_image() {
        let text = "# a remark\n\nprocess.roles=broker,controller\nnode.id=1\n";
        assert_eq!(as_environment(text), ["KAFKA_PROCESS_ROLES=broker,controller", "KAFKA_NODE_ID=1"]);
    }
}
