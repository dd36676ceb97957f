//! One Compose project of the repository's `docker-compose.yml`, with its own ports and volumes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use catalog::ServiceName;
use serde::Deserialize;

use crate::build::workspace::Workspace;
use crate::process::children::{self, Role};
use crate::process::group::{self, Target};
use crate::process::ports;
use crate::process::tool;
use crate::process::tool::on_path;
use crate::process::wait::wait_until;

const QUERY_TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum time until all running containers are healthy, in seconds.
const HEALTHY_S: &str = "300";

/// Maximum time for removing the project.
const REMOVING: Duration = Duration::from_mins(5);

/// A port that `docker-compose.yml` publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PublishedPort {
    Service(ServiceName),
    Kafka,
    Jaeger,
}

impl PublishedPort {
    fn all() -> impl Iterator<Item = Self> {
        ServiceName::all().map(Self::Service).chain([Self::Kafka, Self::Jaeger])
    }

    /// The variable that sets the port.
    fn variable(self) -> String {
        let name = match self {
            Self::Service(service) => service.name().to_uppercase(),
            Self::Kafka => "KAFKA".to_owned(),
            Self::Jaeger => "JAEGER".to_owned(),
        };
        format!("SAGA_{name}_PORT")
    }
}

/// The project. Dropping it removes its containers, networks, volumes and images.
pub(super) struct Project {
    name: String,
    engine: String,
    root: PathBuf,
    dir: PathBuf,
    ports: Vec<(PublishedPort, u16)>,
}

/// A container in the output of `docker compose ps --format json`, one per line.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    service: String,
    state: String,
    #[serde(default)]
    health: String,
    #[serde(default)]
    publishers: Option<Vec<Publisher>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Publisher {
    #[serde(rename = "URL")]
    address: String,
    published_port: u16,
}

impl Project {
    /// A project with a unique name; starts nothing.
    ///
    /// # Errors
    /// There is no Docker engine, or it has no Compose.
    pub(super) fn new(workspace: &Workspace) -> Result<Self> {
        let engine = engine()?;
        let dir = workspace.run_dir("compose-test")?;
        let ports = PublishedPort::all().map(|port| Ok((port, ports::free()?))).collect::<Result<_>>()?;
        let project = Self { name: unique_name(), engine, root: workspace.root().to_owned(), dir, ports };
        children::remember(Role::Broker, project.target())?;
        Ok(project)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The versions of the engine and of Compose.
    pub(super) fn engine(&self) -> &str {
        &self.engine
    }

    /// The log file of all commands.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("compose.log")
    }

    /// URL of this port.
    pub(super) fn url(&self, wanted: PublishedPort) -> String {
        let port = self.ports.iter().find(|(port, _)| *port == wanted).map_or(0, |(_, number)| *number);
        format!("http://127.0.0.1:{port}")
    }

    /// `docker compose up --wait`: returns when all containers are healthy.
    pub(super) fn up(&self, options: &[&str], within: Duration) -> Result<()> {
        let mut arguments = vec!["up", "--wait", "--wait-timeout", HEALTHY_S];
        arguments.extend(options);
        self.run(&arguments, within)
    }

    /// Runs `docker compose` with these arguments.
    pub(super) fn run(&self, arguments: &[&str], within: Duration) -> Result<()> {
        let name = format!("docker compose {}", arguments.join(" "));
        tool::run(&name, self.command(arguments), &self.log(), within)
    }

    /// Runs a short query of `docker compose`.
    fn query(&self, arguments: &[&str]) -> Result<String> {
        tool::stdout_of(&format!("docker compose {}", arguments.join(" ")), self.command(arguments), QUERY_TIMEOUT)
    }

    /// The names of all services without a profile.
    pub(super) fn services(&self) -> Result<Vec<String>> {
        let names = self.query(&["config", "--services"])?;
        let mut names: Vec<String> = names.lines().map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    fn containers(&self) -> Result<Vec<Container>> {
        let lines = self.query(&["ps", "--all", "--format", "json"])?;
        let containers = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        containers.context("invalid output of `docker compose ps`")
    }

    pub(super) fn wait_until_all_are_healthy(&self, within: Duration) -> Result<()> {
        wait_until("all containers to be healthy", within, || {
            let containers = self.containers().map_err(|error| format!("{error:#}"))?;
            let well = |container: &&Container| container.state == "running" && container.health == "healthy";
            let unwell: Vec<String> = containers
                .iter()
                .filter(|container| !well(container))
                .map(|Container { service, state, health, .. }| format!("{service} is {state} {health}"))
                .collect();
            if unwell.is_empty() { Ok(()) } else { Err(unwell.join(", ")) }
        })
    }

    /// Fails if a port can be reached from other machines.
    pub(super) fn must_publish_on_loopback_only(&self) -> Result<()> {
        let containers = self.containers()?;
        let mut published = 0;
        for Container { service, publishers, .. } in &containers {
            for port in publishers.iter().flatten().filter(|port| port.published_port != 0) {
                let Publisher { address, published_port } = port;
                ensure!(address == "127.0.0.1", "{service} publishes {published_port} on {address}");
                published += 1;
            }
        }
        ensure!(published == self.ports.len(), "{published} ports are published, expected {}", self.ports.len());
        Ok(())
    }

    /// Removes the project and checks that nothing is left.
    pub(super) fn remove(&self) -> Result<()> {
        self.run(&["down", "--volumes", "--rmi", "local", "--remove-orphans"], REMOVING)?;
        let label = format!("label=com.docker.compose.project={}", self.name);
        let query = |arguments: &[&str]| docker(&[arguments, &["--quiet", "--filter", &label]].concat());
        let left =
            [query(&["ps", "--all"])?, query(&["volume", "ls"])?, query(&["network", "ls"])?, query(&["image", "ls"])?];
        let left = left.concat();
        ensure!(left.trim().is_empty(), "`docker compose down --volumes` left {}", left.trim());
        Ok(())
    }

    /// Writes the logs of all containers to a file and returns its path.
    pub(super) fn save_logs(&self) -> PathBuf {
        let path = self.dir.join("containers.log");
        let arguments = ["logs", "--no-color", "--timestamps", "--tail", "500"];
        // The test has failed already, so a failure to save logs is ignored.
        tool::run("docker compose logs", self.command(&arguments), &path, QUERY_TIMEOUT).ok();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        let file = self.root.join("docker-compose.yml");
        command.args(["compose", "--project-name", &self.name, "--file"]).arg(file);
        command.args(arguments).current_dir(&self.root);
        // Settings that the user made for other projects must not affect this one.
        command.env_remove("COMPOSE_PROFILES").env("COMPOSE_ENV_FILES", "/dev/null");
        for (port, number) in &self.ports {
            command.env(port.variable(), number.to_string());
        }
        command
    }

    fn target(&self) -> Target {
        Target::Project(self.name.clone())
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        group::remove_project(&self.name);
        children::forget(&self.target());
    }
}

/// Versions of the engine and of Compose.
fn engine() -> Result<String> {
    const NEED: &str = "this test needs a running Docker engine with Compose and cannot do without";
    ensure!(on_path("docker"), "there is no docker command; {NEED}");
    let engine = docker(&["version", "--format", "{{.Server.Version}}"]).context(NEED)?;
    let compose = docker(&["compose", "version", "--short"]).context(NEED)?;
    Ok(format!("Docker engine {}, Compose {}", engine.trim(), compose.trim()))
}

pub(super) fn docker(arguments: &[&str]) -> Result<String> {
    let Some(what) = arguments.first() else { bail!("no arguments") };
    let mut command = Command::new("docker");
    command.args(arguments).current_dir(Path::new("/"));
    tool::stdout_of(&format!("docker {what}"), command, QUERY_TIMEOUT)
}

/// Unique on this engine, also among projects started from other machines or containers.
fn unique_name() -> String {
    use std::hash::{BuildHasher, RandomState};
    format!("order-saga-test-{:016x}", RandomState::new().hash_one(std::process::id()))
}
