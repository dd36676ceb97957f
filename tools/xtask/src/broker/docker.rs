//! A broker as a container of the apache/kafka image.

use std::path::PathBuf;

use anyhow::Result;

use super::engine::Engine;
use super::settings::{self, Ports};
use super::state::Handle;
use crate::build::workspace::Workspace;
use crate::container::{Container, Image};
use crate::progress::Progress;

/// The tag is the same version as in `deploy/kafka/pom.xml`.
const IMAGE: Image = Image { name: "apache/kafka", pulled_tag: "4.4.0", best: newest_usable };

/// The oldest version that is used if its image exists.
const VERSION_MIN: [u32; 3] = [4, 1, 1];

/// One container. It survives a crash and a restart, and is removed when dropped.
pub(super) struct DockerBroker {
    container: Container,
    ports: Ports,
    environment: Vec<String>,
}

impl DockerBroker {
    /// Checks that an engine works, and pulls the image if needed; starts nothing.
    ///
    /// # Errors
    /// No Docker engine works, or no image is available.
    pub(super) fn prepare(workspace: &Workspace, ports: Ports, progress: Progress) -> Result<Self> {
        let container = Container::prepare("kafka", &IMAGE, progress)?;
        // The port is the same inside and outside because the broker connects to its own advertised address.
        let properties = settings::render(workspace, ports, "0.0.0.0", "/tmp/kraft-combined-logs")?;
        Ok(Self { container, ports, environment: settings::as_environment(&properties) })
    }
}

impl Engine for DockerBroker {
    fn start(&mut self) -> Result<()> {
        let published = format!("127.0.0.1:{0}:{0}", self.ports.clients);
        let mut options = vec!["--publish", &published, "--env", "KAFKA_HEAP_OPTS=-Xms256m -Xmx512m"];
        for setting in &self.environment {
            options.extend(["--env", setting]);
        }
        self.container.start(&options, &[])
    }

    fn ensure_running(&mut self) -> Result<()> {
        self.container.ensure_running()
    }

    fn stop(&mut self) -> Result<()> {
        self.container.stop()
    }

    fn kill(&mut self) -> Result<()> {
        self.container.kill()
    }

    fn pid(&self) -> Option<u32> {
        self.container.pid()
    }

    fn data_dir(&self) -> Option<PathBuf> {
        None
    }

    fn recent_output(&self) -> String {
        self.container.recent_output()
    }

    fn detach(&mut self) -> Handle {
        self.container.detach();
        Handle::Docker { container: self.container.name().to_owned() }
    }
}

fn newest_usable(tags: &str) -> Option<&str> {
    let versions = tags.lines().filter_map(|tag| Some((version(tag.trim())?, tag.trim())));
    versions.filter(|(version, _)| *version >= VERSION_MIN).max().map(|(_, tag)| tag)
}

fn version(tag: &str) -> Option<[u32; 3]> {
    let parts: Vec<u32> = tag.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    parts.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_suitable_image_is_used() {
        assert_eq!(newest_usable("4.1.1\n4.10.0\n4.4.0\nlatest\n"), Some("4.10.0"));
        assert_eq!(newest_usable("3.9.0\n4.0.1\n4.1.0\n<none>\n"), None);
    }
}
