//! A server as a container of the postgres image.

use std::process::Command;

use anyhow::Result;

use super::engine::{Durability, Engine, settings};
use crate::container::{Container, Image};
use crate::progress::Progress;

/// The tag is the same version as in `deploy/compose/postgres.yml`.
const IMAGE: Image = Image { name: "postgres", pulled_tag: "17", best: newest_usable };
/// The oldest version that is used if its image exists.
const VERSION_MIN: u32 = 14;

/// One container, removed with its data when dropped.
pub(super) struct DockerServer {
    container: Container,
    port: u16,
    settings: Vec<String>,
}

impl DockerServer {
    /// Checks that an engine works, and pulls the image if needed; starts nothing.
    ///
    /// # Errors
    /// No Docker engine works, or no image is available.
    pub(super) fn prepare(port: u16, durability: Durability, progress: Progress) -> Result<Self> {
        let container = Container::prepare("postgres", &IMAGE, progress)?;
        Ok(Self { container, port, settings: settings(durability) })
    }
}

impl Engine for DockerServer {
    fn start(&mut self) -> Result<()> {
        let published = format!("127.0.0.1:{}:5432", self.port);
        let options = ["--publish", &published, "--env", "POSTGRES_HOST_AUTH_METHOD=trust"];
        let settings: Vec<_> = self.settings.iter().map(String::as_str).collect();
        self.container.start(&options, &settings)
    }

    fn crash(&mut self) -> Result<()> {
        self.container.kill()
    }

    fn ensure_running(&mut self) -> Result<()> {
        self.container.ensure_running()
    }

    fn is_ready(&self) -> Command {
        let mut command = Command::new("docker");
        // By TCP, because the temporary server that initializes the database listens only on a Unix socket.
        command.args(["exec", self.container.name(), "pg_isready", "-h", "127.0.0.1"]);
        command
    }

    fn pid(&self) -> Option<u32> {
        // Process ids of the container are not visible on this machine.
        None
    }

    fn recent_output(&self) -> String {
        self.container.recent_output()
    }
}

fn newest_usable(tags: &str) -> Option<&str> {
    let major = |tag: &str| tag.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok();
    let usable = tags.lines().map(str::trim).filter_map(|tag| Some((major(tag)?, tag)));
    usable.filter(|(version, _)| *version >= VERSION_MIN).max().map(|(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_suitable_image_is_used() {
        assert_eq!(newest_usable("15.3\n17\n9.6\nlatest\n"), Some("17"));
        assert_eq!(newest_usable("13-alpine\nlatest\n<none>\n"), None);
    }
}
