//! A PostgreSQL server for tests and measurements: one that is given, or one of our own, by Docker or from the programs that
//! are installed.

mod docker;
mod programs;

use std::env;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::progress::Progress;
use crate::tail;
use crate::tool;
use crate::wait::{Poll, wait_for};
use crate::workspace::Workspace;
use docker::DockerServer;
use programs::InstalledServer;
pub(crate) use programs::programs;

/// The variable that gives the URL of a server to use: with a user who may create databases.
pub const URL_VARIABLE: &str = "TEST_DATABASE_URL";

/// How long a server may take until it answers, also on a loaded machine.
const READY: Duration = Duration::from_secs(90);
const ASKING: Duration = Duration::from_secs(20);

/// Its only user, who may do everything and needs no password: it listens on loopback only.
const USER: &str = "postgres";

/// A server that can be used now. One of our own is stopped, and its data removed, when this is dropped.
pub struct Postgres {
    url: String,
    kind: Kind,
    engine: Option<Box<dyn Engine>>,
}

/// Where a server comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Its URL was given by `TEST_DATABASE_URL`.
    Given,
    /// A container of our own.
    Docker,
    /// A process of our own.
    Installed,
}

/// Where the services of a run keep their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Storage {
    /// In files.
    Sqlite,
    /// On one PostgreSQL server: the one of `TEST_DATABASE_URL`, else one of this run.
    Postgres,
}

/// What is asked of a server's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// What is committed survives a failure of the power. For measurements.
    Full,
    /// What is committed survives the end of the server's clients. For tests, which ask for no more.
    UntilItStops,
}

/// A server that this process runs.
trait Engine: Send + Sync {
    /// Starts it, again on the same port and data if it ran before; does not wait until it answers.
    fn start(&mut self) -> Result<()>;
    /// Ends it as a crash does; its data stays.
    fn crash(&mut self) -> Result<()>;
    /// Fails if it has ended.
    fn ensure_running(&mut self) -> Result<()>;
    /// A command that asks it whether it takes connections.
    fn is_ready(&self) -> Command;
    /// The id of its first process, as seen from this machine.
    fn pid(&self) -> Option<u32>;
    /// The last lines of its log.
    fn last_words(&self) -> String;
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Given => "given by TEST_DATABASE_URL",
            Self::Docker => "in Docker",
            Self::Installed => "as installed here",
        })
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Postgres {
    /// A server to use: the one given by `TEST_DATABASE_URL`, else one of our own.
    ///
    /// # Errors
    /// When none can be started here; the message says what to install.
    pub fn obtain(workspace: &Workspace, durability: Durability, progress: Progress) -> Result<Self> {
        if let Some(url) = given_url() {
            progress.say(&format!("✔ PostgreSQL {}", Kind::Given));
            return Ok(Self { url, kind: Kind::Given, engine: None });
        }
        Self::own(workspace, durability, progress)
    }

    /// Starts a server of our own: by Docker if that works here, else from the programs that are installed; installs them if
    /// this is root's doing.
    ///
    /// # Errors
    /// When neither works; the message has the server's last log lines or says what to install.
    pub fn own(workspace: &Workspace, durability: Durability, progress: Progress) -> Result<Self> {
        let port = crate::ports::free()?;
        let docker = DockerServer::prepare(port, durability, progress);
        match docker {
            Ok(server) => return Self::run(Box::new(server), Kind::Docker, port, progress),
            Err(error) => progress.say(&format!("Docker is not used: {error:#}")),
        }
        let server = InstalledServer::prepare(workspace, port, durability, progress)?;
        Self::run(Box::new(server), Kind::Installed, port, progress)
    }

    fn run(engine: Box<dyn Engine>, kind: Kind, port: u16, progress: Progress) -> Result<Self> {
        let step = progress.step(format!("starting PostgreSQL {kind}"));
        let url = format!("postgres://{USER}@127.0.0.1:{port}/postgres");
        let mut server = Self { url, kind, engine: Some(engine) };
        server.start()?;
        step.done(&format!("PostgreSQL at 127.0.0.1:{port}, {kind}"));
        Ok(server)
    }

    /// Ends the server as a crash does: all its clients lose their connections, and what they had not committed.
    ///
    /// # Errors
    /// When it is not one of our own, or does not end.
    pub fn crash(&mut self) -> Result<()> {
        self.engine()?.crash()
    }

    /// Starts the server again, on the same port and data, and waits until it answers.
    ///
    /// # Errors
    /// When it is not one of our own, or does not answer in time; the message has its last log lines.
    pub fn start(&mut self) -> Result<()> {
        let engine = self.engine()?;
        engine.start()?;
        let answered =
            wait_for("PostgreSQL's answer", READY, || match tool::ask("pg_isready", engine.is_ready(), ASKING) {
                Ok(_) => Ok(Poll::Ready(())),
                Err(error) => {
                    engine.ensure_running()?;
                    Ok(Poll::Pending(format!("{error:#}")))
                }
            });
        tail::explain(answered, || engine.last_words())
    }

    fn engine(&mut self) -> Result<&mut Box<dyn Engine>> {
        let kind = self.kind;
        self.engine.as_mut().with_context(|| format!("the server {kind} is not this program's to stop or start"))
    }

    /// Where it comes from.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The id of its first process, if it is one of our own on this machine.
    pub fn pid(&self) -> Option<u32> {
        self.engine.as_ref()?.pid()
    }

    /// The URL of a database that is there already, from which others can be created.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same server's URL for another database.
    ///
    /// # Errors
    /// When the server's URL has no place for it.
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
/// When it is no URL of a database.
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

/// What a server is set to.
fn settings(durability: Durability) -> Vec<String> {
    let mut settings = vec!["max_connections=300", "shared_buffers=256MB"];
    settings.extend(match durability {
        // Checkpoints when it is time, not when little room is left.
        Durability::Full => ["max_wal_size=4GB", "checkpoint_timeout=5min"],
        Durability::UntilItStops => ["fsync=off", "full_page_writes=off"],
    });
    settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting.to_owned()]).collect()
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

    #[test]
    fn only_measurements_pay_for_the_disk() {
        assert!(settings(Durability::UntilItStops).contains(&"fsync=off".to_owned()));
        assert!(!settings(Durability::Full).contains(&"fsync=off".to_owned()));
    }
}
