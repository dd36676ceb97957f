//! A PostgreSQL server for tests and measurements: an external one, or one that this program starts in Docker or from
//! installed programs.

use std::env;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::build::workspace::Workspace;
use crate::process::tail;
use crate::process::tool;
use crate::process::wait::{Poll, wait_for};
use crate::progress::Progress;

use super::docker::DockerServer;
use super::engine::{Durability, Engine, USER};
use super::installed::InstalledServer;

/// Variable with the URL of an external server. Its user must be allowed to create databases.
pub const URL_VARIABLE: &str = "TEST_DATABASE_URL";

/// Maximum time until a started server answers, on a loaded machine.
const READY_TIMEOUT: Duration = Duration::from_secs(90);
const QUERY_TIMEOUT: Duration = Duration::from_secs(20);

/// A running server. Dropping it stops the server and deletes its data if this program started it.
pub struct Postgres {
    url: String,
    kind: ServerOrigin,
    engine: Option<Box<dyn Engine>>,
}

/// Origin of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerOrigin {
    /// Its URL was given by `TEST_DATABASE_URL`.
    Given,
    /// A container that this program starts.
    Docker,
    /// A process that this program starts.
    Installed,
}

/// Storage of the services in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Storage {
    /// In files.
    Sqlite,
    /// On one PostgreSQL server: the one of `TEST_DATABASE_URL`, else one of this run.
    Postgres,
}

impl std::fmt::Display for ServerOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Given => "given by TEST_DATABASE_URL",
            Self::Docker => "in Docker",
            Self::Installed => "from installed programs",
        })
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Postgres {
    /// A server to use: the one given by `TEST_DATABASE_URL`, otherwise one that this program starts.
    ///
    /// # Errors
    /// No server can be started on this machine; the message names the packages to install.
    pub fn obtain(workspace: &Workspace, durability: Durability, progress: Progress) -> Result<Self> {
        if let Some(url) = given_url() {
            progress.print(&format!("✔ PostgreSQL {}", ServerOrigin::Given));
            return Ok(Self { url, kind: ServerOrigin::Given, engine: None });
        }
        Self::start_own(workspace, durability, progress)
    }

    /// Starts a server: by Docker if that works here, else from the programs that are installed; installs them if
    /// this program runs as root.
    ///
    /// # Errors
    /// Neither works; the message has the server's last log lines or names the packages to install.
    pub fn start_own(workspace: &Workspace, durability: Durability, progress: Progress) -> Result<Self> {
        let port = crate::process::ports::free()?;
        let docker = DockerServer::prepare(port, durability, progress);
        match docker {
            Ok(server) => return Self::run(Box::new(server), ServerOrigin::Docker, port, progress),
            Err(error) => progress.print(&format!("Docker is not used: {error:#}")),
        }
        let server = InstalledServer::prepare(workspace, port, durability, progress)?;
        Self::run(Box::new(server), ServerOrigin::Installed, port, progress)
    }

    fn run(engine: Box<dyn Engine>, kind: ServerOrigin, port: u16, progress: Progress) -> Result<Self> {
        let step = progress.step(format!("starting PostgreSQL {kind}"));
        let url = format!("postgres://{USER}@127.0.0.1:{port}/postgres");
        let mut server = Self { url, kind, engine: Some(engine) };
        server.start()?;
        step.done(&format!("PostgreSQL at 127.0.0.1:{port}, {kind}"));
        Ok(server)
    }

    /// Crashes the server: all clients lose their connections and uncommitted changes.
    ///
    /// # Errors
    /// This program did not start the server, or the server does not end.
    pub fn crash(&mut self) -> Result<()> {
        self.engine()?.crash()
    }

    /// Starts the server again, on the same port and data, and waits until it answers.
    ///
    /// # Errors
    /// This program did not start it, or does not answer in time; the message has its last log lines.
    pub fn start(&mut self) -> Result<()> {
        let engine = self.engine()?;
        engine.start()?;
        let answered = wait_for("PostgreSQL's answer", READY_TIMEOUT, || {
            match tool::stdout_of("pg_isready", engine.is_ready(), QUERY_TIMEOUT) {
                Ok(_) => Ok(Poll::Ready(())),
                Err(error) => {
                    engine.ensure_running()?;
                    Ok(Poll::Pending(format!("{error:#}")))
                }
            }
        });
        tail::explain(answered, || engine.recent_output())
    }

    fn engine(&mut self) -> Result<&mut Box<dyn Engine>> {
        let kind = self.kind;
        self.engine
            .as_mut()
            .with_context(|| format!("refusing to manage the server {kind}: this program did not start it"))
    }

    /// The server's origin.
    pub fn kind(&self) -> ServerOrigin {
        self.kind
    }

    /// The id of its first process, if this program started it on this machine.
    pub fn pid(&self) -> Option<u32> {
        self.engine.as_ref()?.pid()
    }

    /// URL of an existing database, from which others can be created.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same server's URL for another database.
    ///
    /// # Errors
    /// The server's URL has no host.
    pub fn database_url(&self, name: &str) -> Result<String> {
        with_database(&self.url, name)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.engine = None;
    }
}

/// A URL with another database's name.
///
/// # Errors
/// The URL is not one of a database.
pub fn with_database(url: &str, name: &str) -> Result<String> {
    let (base, parameters) = url.split_once('?').map_or((url, None), |(base, parameters)| (base, Some(parameters)));
    let (scheme, place) = base.split_once("://").context("a database's URL begins with postgres://")?;
    let host = place.split('/').next().unwrap_or(place);
    ensure!(!host.is_empty(), "the database's URL names no server");
    let parameters = parameters.map(|parameters| format!("?{parameters}")).unwrap_or_default();
    Ok(format!("{scheme}://{host}/{name}{parameters}"))
}

/// The URL given by `TEST_DATABASE_URL`.
#[expect(clippy::disallowed_methods, reason = "a tool: the one variable that it reads itself")]
pub fn given_url() -> Option<String> {
    env::var(URL_VARIABLE).ok().filter(|url| !url.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_is_on_the_same_server() {
        let url = |from| with_database(from, "order").expect("a URL");
        assert_eq!(url("postgres://me:secret@db:5433/postgres"), "postgres://me:secret@db:5433/order");
        assert_eq!(url("postgres://db"), "postgres://db/order");
        assert_eq!(url("postgres://db/x?sslmode=require"), "postgres://db/order?sslmode=require");
        assert!(with_database("sqlite:x.db", "order").is_err());
    }
}
