//! A broker as a container of the apache/kafka image.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::engine::Engine;
use super::settings::{self, Ports};
use super::state::Handle;
use crate::children::{self, Role, Target};
use crate::progress::Progress;
use crate::requirements::on_path;
use crate::tail;
use crate::tool;
use crate::workspace::Workspace;

const IMAGE: &str = "apache/kafka";

/// Pulled if no image is there; the same version as in `deploy/kafka/pom.xml`.
const PULLED_TAG: &str = "4.4.0";

/// The oldest version used if it is there already.
const VERSION_MIN: [u32; 3] = [4, 1, 1];

const ASKING: Duration = Duration::from_secs(20);
const PULLING: Duration = Duration::from_mins(10);

/// One container; it is kept over a crash and a restart, and removed when dropped.
pub(super) struct DockerBroker {
    container: String,
    image: String,
    ports: Ports,
    environment: Vec<String>,
    created: bool,
    detached: bool,
}

impl DockerBroker {
    /// Sees to it that an engine works and the image is there; nothing runs yet.
    ///
    /// # Errors
    /// When there is no working engine or no image can be had: then Docker is not the way here.
    pub(super) fn prepare(workspace: &Workspace, ports: Ports, progress: Progress) -> Result<Self> {
        ensure!(on_path("docker"), "there is no docker command");
        docker(&["info", "--format", "{{.ServerVersion}}"], ASKING)?;
        let image = find_image(progress)?;
        // The broker calls itself by its advertised address, so the port is the same inside and outside.
        let properties = settings::render(workspace, ports, "0.0.0.0", "/tmp/kraft-combined-logs")?;
        Ok(Self {
            container: container_name("kafka"),
            image,
            ports,
            environment: settings::as_environment(&properties),
            created: false,
            detached: false,
        })
    }

    fn create(&mut self) -> Result<()> {
        children::remember(Role::Broker, self.target())?;
        self.created = true;
        let published = format!("127.0.0.1:{0}:{0}", self.ports.clients);
        let mut arguments = vec!["run", "--detach", "--name", &self.container, "--publish", &published];
        arguments.extend(["--env", "KAFKA_HEAP_OPTS=-Xms256m -Xmx512m"]);
        for setting in &self.environment {
            arguments.extend(["--env", setting]);
        }
        arguments.push(&self.image);
        docker(&arguments, PULLING).map(drop)
    }

    fn target(&self) -> Target {
        Target::Container(self.container.clone())
    }
}

impl Engine for DockerBroker {
    fn start(&mut self) -> Result<()> {
        if self.created {
            return docker(&["start", &self.container], ASKING).map(drop);
        }
        self.create()
    }

    fn must_run(&mut self) -> Result<()> {
        let answer = docker(&["inspect", "--format", "{{.State.Running}}", &self.container], ASKING)?;
        if answer.trim() != "true" {
            bail!("the container {} ended early", self.container);
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        docker(&["stop", "-t", "10", &self.container], ASKING).map(drop)
    }

    fn kill9(&mut self) -> Result<()> {
        docker(&["kill", "--signal", "KILL", &self.container], ASKING)?;
        // `docker kill` returns when the signal is sent; `docker wait` when the container has ended.
        docker(&["wait", &self.container], ASKING).map(drop)
    }

    fn pid(&self) -> Option<u32> {
        let answer = docker(&["inspect", "--format", "{{.State.Pid}}", &self.container], ASKING).ok()?;
        answer.trim().parse().ok().filter(|&pid| pid != 0)
    }

    fn data_dir(&self) -> Option<PathBuf> {
        None
    }

    fn last_words(&self) -> String {
        match docker(&["logs", "--tail", &tail::LINES.to_string(), &self.container], ASKING) {
            Ok(text) => format!("last lines of the container's log:\n{}", tail::last_lines(&text)),
            Err(error) => format!("its log can't be read: {error:#}"),
        }
    }

    fn detach(&mut self) -> Handle {
        self.detached = true;
        children::forget(&self.target());
        Handle::Docker { container: self.container.clone() }
    }
}

impl Drop for DockerBroker {
    fn drop(&mut self) {
        if self.created && !self.detached {
            children::remove_container(&self.container);
            children::forget(&self.target());
        }
    }
}

/// The newest image that is there and new enough, else one that is pulled.
fn find_image(progress: Progress) -> Result<String> {
    let tags = docker(&["image", "ls", IMAGE, "--format", "{{.Tag}}"], ASKING)?;
    if let Some(tag) = newest_usable(&tags) {
        return Ok(format!("{IMAGE}:{tag}"));
    }
    let image = format!("{IMAGE}:{PULLED_TAG}");
    let step = progress.step(format!("pulling {image}, once"));
    docker(&["pull", "--quiet", &image], PULLING)?;
    step.done(&format!("pulled {image}"));
    Ok(image)
}

fn newest_usable(tags: &str) -> Option<&str> {
    let versions = tags.lines().filter_map(|tag| Some((version(tag.trim())?, tag.trim())));
    versions.filter(|(version, _)| *version >= VERSION_MIN).max().map(|(_, tag)| tag)
}

fn version(tag: &str) -> Option<[u32; 3]> {
    let parts: Vec<u32> = tag.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    parts.try_into().ok()
}

/// Unique on this engine, also among containers started from other machines or containers.
pub(crate) fn container_name(purpose: &str) -> String {
    use std::hash::{BuildHasher, RandomState};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("order-saga-{purpose}-{:016x}", RandomState::new().hash_one((std::process::id(), number)))
}

fn docker(arguments: &[&str], within: Duration) -> Result<String> {
    let mut command = Command::new("docker");
    command.args(arguments).current_dir(PathBuf::from("/"));
    let name = format!("docker {}", arguments.first().context("no arguments")?);
    tool::ask(&name, command, within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_image_that_is_new_enough_is_used() {
        assert_eq!(newest_usable("4.1.1\n4.10.0\n4.4.0\nlatest\n"), Some("4.10.0"));
        assert_eq!(newest_usable("3.9.0\n4.0.1\n4.1.0\n<none>\n"), None);
    }

    #[test]
    fn container_names_differ() {
        assert_ne!(container_name("test"), container_name("test"));
    }
}
