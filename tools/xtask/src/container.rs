//! A server in a container that this program starts.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use crate::process::children::{self, Role};
use crate::process::group::{self, Target};
use crate::process::tail;
use crate::process::tool;
use crate::process::tool::on_path;
use crate::progress::Progress;

const QUERY_TIMEOUT: Duration = Duration::from_secs(20);
const PULLING: Duration = Duration::from_mins(10);

/// Selects an image.
pub(crate) struct Image {
    /// Its name without a tag.
    pub(crate) name: &'static str,
    /// Tag that is pulled if no suitable image exists.
    pub(crate) pulled_tag: &'static str,
    /// Selects the best of these tags, one per line; `None` if none is suitable.
    pub(crate) best: fn(tags: &str) -> Option<&str>,
}

/// One container. It survives a crash and a restart, and is removed with its data when dropped.
pub(crate) struct Container {
    name: String,
    image: String,
    created: bool,
    detached: bool,
}

impl Container {
    /// Checks that an engine works, and pulls the image if needed; starts nothing.
    ///
    /// # Errors
    /// No Docker engine works, or no image is available.
    pub(crate) fn prepare(purpose: &str, image: &Image, progress: Progress) -> Result<Self> {
        ensure!(on_path("docker"), "there is no docker command");
        docker(&["info", "--format", "{{.ServerVersion}}"], QUERY_TIMEOUT)?;
        let image = image.find(progress)?;
        Ok(Self { name: unique_name(purpose), image, created: false, detached: false })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Starts the container. The first start creates it with these options of `docker run` and arguments of the
    /// program.
    ///
    /// # Errors
    /// The engine fails to start it.
    pub(crate) fn start(&mut self, options: &[&str], arguments: &[&str]) -> Result<()> {
        if self.created {
            return docker(&["start", &self.name], QUERY_TIMEOUT).map(drop);
        }
        children::remember(Role::Broker, self.target())?;
        self.created = true;
        let run = [&["run", "--detach", "--name", &self.name], options, &[&self.image], arguments].concat();
        docker(&run, PULLING).map(drop)
    }

    /// Checks that the container runs.
    ///
    /// # Errors
    /// It has ended, or the engine does not report its state.
    pub(crate) fn ensure_running(&self) -> Result<()> {
        let answer = docker(&["inspect", "--format", "{{.State.Running}}", &self.name], QUERY_TIMEOUT)?;
        if answer.trim() != "true" {
            bail!("the container {} ended early", self.name);
        }
        Ok(())
    }

    /// Stops the program gracefully.
    ///
    /// # Errors
    /// The engine fails to stop it.
    pub(crate) fn stop(&self) -> Result<()> {
        docker(&["stop", "-t", "10", &self.name], QUERY_TIMEOUT).map(drop)
    }

    /// Kills the program with SIGKILL.
    ///
    /// # Errors
    /// The engine fails to kill it.
    pub(crate) fn kill(&self) -> Result<()> {
        docker(&["kill", "--signal", "KILL", &self.name], QUERY_TIMEOUT)?;
        // `docker kill` returns when the signal is sent; `docker wait` when the container has ended.
        docker(&["wait", &self.name], QUERY_TIMEOUT).map(drop)
    }

    /// Id of the container's main process, on the machine of the engine.
    pub(crate) fn pid(&self) -> Option<u32> {
        let answer = docker(&["inspect", "--format", "{{.State.Pid}}", &self.name], QUERY_TIMEOUT).ok()?;
        answer.trim().parse().ok().filter(|&pid| pid != 0)
    }

    /// Its last log lines.
    pub(crate) fn recent_output(&self) -> String {
        match docker(&["logs", "--tail", &tail::LINES.to_string(), &self.name], QUERY_TIMEOUT) {
            Ok(text) => format!("last lines of the container's log:\n{}", tail::last_lines(&text)),
            Err(error) => format!("its log cannot be read: {error:#}"),
        }
    }

    /// Lets the container outlive this process.
    pub(crate) fn detach(&mut self) {
        self.detached = true;
        children::forget(&self.target());
    }

    fn target(&self) -> Target {
        Target::Container(self.name.clone())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if self.created && !self.detached {
            group::remove_container(&self.name);
            children::forget(&self.target());
        }
    }
}

impl Image {
    /// The best existing image, otherwise a pulled one.
    fn find(&self, progress: Progress) -> Result<String> {
        let Self { name, pulled_tag, best } = self;
        let tags = docker(&["image", "ls", name, "--format", "{{.Tag}}"], QUERY_TIMEOUT)?;
        if let Some(tag) = best(&tags) {
            return Ok(format!("{name}:{tag}"));
        }
        let image = format!("{name}:{pulled_tag}");
        let step = progress.step(format!("pulling {image}, once"));
        docker(&["pull", "--quiet", &image], PULLING)?;
        step.done(&format!("pulled {image}"));
        Ok(image)
    }
}

/// Unique on this engine, also among containers started from other machines or containers.
fn unique_name(purpose: &str) -> String {
    use std::hash::{BuildHasher, RandomState};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("order-saga-{purpose}-{:016x}", RandomState::new().hash_one((std::process::id(), number)))
}

fn docker(arguments: &[&str], within: Duration) -> Result<String> {
    let mut command = Command::new("docker");
    command.args(arguments).current_dir("/");
    tool::stdout_of(&format!("docker {}", arguments[0]), command, within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_names_differ() {
        assert_ne!(unique_name("test"), unique_name("test"));
    }
}
