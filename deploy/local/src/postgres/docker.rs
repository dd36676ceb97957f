//! A server as a container of the postgres image.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::{Durability, Engine, settings};
use crate::broker::container_name;
use crate::children::{self, Role, Target};
use crate::progress::Progress;
use crate::requirements::on_path;
use crate::{tail, tool};

const IMAGE: &str = "postgres";
/// Pulled if no image is there; the same version as in `deploy/compose/postgres.yml`.
const PULLED_TAG: &str = "17";
/// The oldest version used if it is there already.
const VERSION_MIN: u32 = 14;

const ASKING: Duration = Duration::from_secs(20);
const PULLING: Duration = Duration::from_mins(10);

/// One container, removed with its data when dropped.
pub(super) struct DockerServer {
    container: String,
    image: String,
    port: u16,
    settings: Vec<String>,
    created: bool,
}

impl DockerServer {
    /// Sees to it that an engine works and the image is there; nothing runs yet.
    ///
    /// # Errors
    /// When there is no working engine or no image can be had: then Docker is not the way here.
    pub(super) fn prepare(port: u16, durability: Durability, progress: Progress) -> Result<Self> {
        ensure!(on_path("docker"), "there is no docker command");
        docker(&["info", "--format", "{{.ServerVersion}}"], ASKING)?;
        let image = find_image(progress)?;
        Ok(Self { container: container_name("postgres"), image, port, settings: settings(durability), created: false })
    }

    fn target(&self) -> Target {
        Target::Container(self.container.clone())
    }
}

impl Engine for DockerServer {
    fn start(&mut self) -> Result<()> {
        if self.created {
            return docker(&["start", &self.container], ASKING).map(drop);
        }
        children::remember(Role::Broker, self.target())?;
        self.created = true;
        let published = format!("127.0.0.1:{}:5432", self.port);
        let mut arguments = vec!["run", "--detach", "--name", &self.container, "--publish", &published];
        arguments.extend(["--env", "POSTGRES_HOST_AUTH_METHOD=trust", &self.image]);
        arguments.extend(self.settings.iter().map(String::as_str));
        docker(&arguments, PULLING).map(drop)
    }

    fn crash(&mut self) -> Result<()> {
        docker(&["kill", "--signal", "KILL", &self.container], ASKING)?;
        // `docker kill` returns when the signal is sent; `docker wait` when the container has ended.
        docker(&["wait", &self.container], ASKING).map(drop)
    }

    fn must_run(&mut self) -> Result<()> {
        let answer = docker(&["inspect", "--format", "{{.State.Running}}", &self.container], ASKING)?;
        if answer.trim() != "true" {
            bail!("the container {} ended early", self.container);
        }
        Ok(())
    }

    fn is_ready(&self) -> Command {
        let mut command = Command::new("docker");
        // By TCP: while the image makes its first database, a server listens on a socket only.
        command.args(["exec", &self.container, "pg_isready", "-h", "127.0.0.1"]);
        command
    }

    fn pid(&self) -> Option<u32> {
        // Its processes are in the container.
        None
    }

    fn last_words(&self) -> String {
        match docker(&["logs", "--tail", &tail::LINES.to_string(), &self.container], ASKING) {
            Ok(text) => format!("last lines of the container's log:\n{}", tail::last_lines(&text)),
            Err(error) => format!("its log can't be read: {error:#}"),
        }
    }
}

impl Drop for DockerServer {
    fn drop(&mut self) {
        if self.created {
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
    let major = |tag: &str| tag.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok();
    let usable = tags.lines().map(str::trim).filter_map(|tag| Some((major(tag)?, tag)));
    usable.filter(|(version, _)| *version >= VERSION_MIN).max().map(|(_, tag)| tag)
}

fn docker(arguments: &[&str], within: Duration) -> Result<String> {
    let mut command = Command::new("docker");
    command.args(arguments).current_dir("/");
    tool::ask(&format!("docker {}", arguments[0]), command, within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_image_that_is_new_enough_is_used() {
        assert_eq!(newest_usable("15.3\n17\n9.6\nlatest\n"), Some("17"));
        assert_eq!(newest_usable("13-alpine\nlatest\n<none>\n"), None);
    }
}
