//! A Kafka broker: an external one, one left running by an earlier command, or one that this program starts in Docker
//! or Java.

use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::docker::DockerBroker;
use super::engine::Engine;
use super::java::JavaBroker;
use super::probe;
use super::settings::Ports;
use super::state::{State, status};
use crate::build::workspace::Workspace;
use crate::process::tail;
use crate::process::wait::{Poll, wait_for};
use crate::progress::Progress;

/// Variable with the address of an external broker.
pub const ADDRESS_VARIABLE: &str = "KAFKA_BOOTSTRAP_SERVERS";

/// Maximum time until a started broker answers, on a loaded machine.
const READY: Duration = Duration::from_secs(90);

/// Interval between checks that the starting broker still runs. Each may query Docker, which costs more than querying
/// Kafka.
const CHECK: Duration = Duration::from_secs(1);

/// A running broker. Dropping it stops the broker and deletes its data if this program started it.
pub struct Broker {
    address: String,
    kind: Kind,
    engine: Option<Box<dyn Engine>>,
    left_running: Option<State>,
}

/// Origin of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Its address was given by `KAFKA_BOOTSTRAP_SERVERS`.
    Given,
    /// It was left running by `cargo saga broker start`.
    Persistent,
    /// A container that this program starts.
    Docker,
    /// A Java process that this program starts.
    Java,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Given => "given by KAFKA_BOOTSTRAP_SERVERS",
            Self::Persistent => "left running by `broker start`",
            Self::Docker => "in Docker",
            Self::Java => "in Java",
        })
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").field("address", &self.address).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Broker {
    /// A broker to use: the one given by `KAFKA_BOOTSTRAP_SERVERS`, else the one left running, otherwise one that this
    /// program starts.
    ///
    /// # Errors
    /// The given one cannot be reached, or none can be started here.
    pub fn obtain(workspace: &Workspace, progress: Progress) -> Result<Self> {
        if let Some(address) = given_address() {
            let broker = Self::external(&address)?;
            progress.print(&format!("✔ Kafka at {address}, {}", Kind::Given));
            return Ok(broker);
        }
        if let Some(state) = status(workspace)? {
            progress.print(&format!("✔ Kafka at {}, {}", state.address, Kind::Persistent));
            let address = state.address.clone();
            return Ok(Self { address, kind: Kind::Persistent, engine: None, left_running: Some(state) });
        }
        Self::start(workspace, progress)
    }

    /// The broker at a given address, `host:port`, or several separated by commas.
    ///
    /// # Errors
    /// None of them can be reached by TCP.
    pub fn external(address: &str) -> Result<Self> {
        probe::reach_any(address).with_context(|| format!("no Kafka broker can be reached at {address}"))?;
        Ok(Self { address: address.to_owned(), kind: Kind::Given, engine: None, left_running: None })
    }

    /// Starts a broker: by Docker if that works here, else by Java.
    ///
    /// # Errors
    /// Neither works; the message has the broker's last log lines or names the packages to install.
    pub fn start(workspace: &Workspace, progress: Progress) -> Result<Self> {
        Self::start_in(workspace, &workspace.run_dir("kafka/brokers")?, progress)
    }

    /// The same, with the data and log in a given empty directory.
    pub(super) fn start_in(workspace: &Workspace, dir: &Path, progress: Progress) -> Result<Self> {
        match Self::by_docker(workspace, progress) {
            Ok(broker) => return Ok(broker),
            Err(error) => progress.print(&one_line(&error)),
        }
        Self::by_java(workspace, dir, progress)
    }

    fn by_docker(workspace: &Workspace, progress: Progress) -> Result<Self> {
        let ports = Ports::free()?;
        let engine = DockerBroker::prepare(workspace, ports, progress)?;
        Self::run(Box::new(engine), Kind::Docker, ports, progress)
    }

    fn by_java(workspace: &Workspace, dir: &Path, progress: Progress) -> Result<Self> {
        let ports = Ports::free()?;
        let engine = JavaBroker::prepare(workspace, dir, ports, progress)?;
        Self::run(Box::new(engine), Kind::Java, ports, progress)
    }

    fn run(engine: Box<dyn Engine>, kind: Kind, ports: Ports, progress: Progress) -> Result<Self> {
        let step = progress.step(format!("starting Kafka {kind}"));
        let mut broker = Self { address: ports.address(), kind, engine: Some(engine), left_running: None };
        broker.start_and_wait()?;
        step.done(&format!("Kafka at {}, {kind}", broker.address));
        Ok(broker)
    }

    /// Addresses for clients: one `host:port`, or the given list, separated by commas.
    pub fn bootstrap_servers(&self) -> &str {
        &self.address
    }

    /// The broker's origin.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The broker's process id, if known: of a broker that this program starts, or of one left running in Java.
    pub fn pid(&self) -> Option<u32> {
        let left_running = || self.left_running.as_ref().and_then(State::pid);
        self.engine.as_ref().map_or_else(left_running, |engine| engine.pid())
    }

    /// The data directory of a broker in Java on this machine.
    pub fn data_dir(&self) -> Option<PathBuf> {
        let left_running = || self.left_running.as_ref().and_then(State::data_dir);
        self.engine.as_ref().map_or_else(left_running, |engine| engine.data_dir())
    }

    /// Kills the broker (SIGKILL). Its data stays for [`Broker::restart`].
    ///
    /// # Errors
    /// This program did not start it, or does not end.
    pub fn kill(&mut self) -> Result<()> {
        self.engine()?.kill()
    }

    /// Stops the broker gracefully (SIGTERM). Its data stays for [`Broker::restart`].
    ///
    /// # Errors
    /// This program did not start it, or does not end.
    pub fn stop(&mut self) -> Result<()> {
        self.engine()?.stop()
    }

    /// Stops the broker if it runs, starts it with the same address and data, and waits until it is ready.
    ///
    /// # Errors
    /// This program did not start it, or does not answer in time; the message has its last log lines.
    pub fn restart(&mut self) -> Result<()> {
        if self.engine()?.ensure_running().is_ok() {
            self.stop()?;
        }
        self.start_and_wait()
    }

    fn start_and_wait(&mut self) -> Result<()> {
        let address = self.address.clone();
        let engine = self.engine()?;
        engine.start()?;
        let mut checked = Instant::now();
        let answered = wait_for("Kafka's answer", READY, || {
            let Err(error) = probe::check(&address) else { return Ok(Poll::Ready(())) };
            if checked.elapsed() >= CHECK {
                engine.ensure_running()?;
                checked = Instant::now();
            }
            Ok(Poll::Pending(format!("{error:#}")))
        });
        tail::explain(answered, || engine.recent_output())
    }

    pub(super) fn engine(&mut self) -> Result<&mut Box<dyn Engine>> {
        let kind = self.kind;
        self.engine
            .as_mut()
            .with_context(|| format!("refusing to manage the broker {kind}: this program did not start it"))
    }
}

/// The address of the broker for tests and tools: `KAFKA_BOOTSTRAP_SERVERS`, else the one left running.
///
/// # Errors
/// Neither exists. The message names the command that starts one.
pub fn broker_from_env() -> Result<String> {
    if let Some(address) = given_address() {
        return Ok(address);
    }
    let state = Workspace::find().and_then(|workspace| status(&workspace))?;
    state.map(|state| state.address).with_context(|| {
        format!(
            "no Kafka broker: run the tests by `cargo saga test`, \
             or start one by `cargo saga broker start`, or give its address by {ADDRESS_VARIABLE}"
        )
    })
}

#[expect(clippy::disallowed_methods, reason = "a tool: the one variable that it reads itself")]
fn given_address() -> Option<String> {
    env::var(ADDRESS_VARIABLE).ok().filter(|address| !address.trim().is_empty())
}

fn one_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    format!("Docker is not used: {}", text.lines().next().unwrap_or_default())
}
