//! One service of a suite: how to start it, and its process.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use catalog::ServiceName;

use crate::client::Client;
use crate::process::child::Process;
use crate::process::children::Role;
use crate::process::tail;
use crate::process::wait::{Poll, wait_for};

/// Maximum time of one readiness check.
const PROBE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Member {
    service: ServiceName,
    binary: PathBuf,
    environment: Vec<(String, String)>,
    port: u16,
    log: PathBuf,
    ready_within: Duration,
    process: Option<Process>,
    started: Instant,
    ready_after: Option<Duration>,
}

impl Member {
    pub(super) fn new(
        service: ServiceName,
        binary: PathBuf,
        environment: Vec<(String, String)>,
        port: u16,
        log: PathBuf,
        ready_within: Duration,
    ) -> Self {
        let started = Instant::now();
        Self { service, binary, environment, port, log, ready_within, process: None, started, ready_after: None }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The value of an environment variable; the last one wins.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Sets the binary for the next start.
    pub(super) fn set_binary(&mut self, binary: PathBuf) {
        self.binary = binary;
    }

    /// Starts it without waiting until it is ready.
    pub(super) fn spawn(&mut self) -> Result<()> {
        ensure!(!self.is_running()?, "the {} service runs already", self.service);
        let mut command = Command::new(&self.binary);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let name = format!("the {} service", self.service);
        (self.started, self.ready_after) = (Instant::now(), None);
        self.process = Some(Process::spawn(Role::Service, &name, command, &self.log)?);
        Ok(())
    }

    /// Waits until `GET /readyz` answers 200.
    pub(super) fn wait_until_ready(&mut self) -> Result<()> {
        let client = Client::with_timeout(self.url(), PROBE);
        let within = self.ready_within;
        let what = format!("the {} service to be ready at {}", self.service, self.url());
        let process = self.process_mut()?;
        let ready = wait_for(&what, within, || {
            let seen = match client.get("/readyz") {
                Ok(reply) if reply.status == 200 => return Ok(Poll::Ready(())),
                Ok(reply) => format!("status {} {}", reply.status, reply.body),
                Err(error) => format!("{error:#}"),
            };
            process.ensure_running()?;
            Ok(Poll::Pending(seen))
        });
        tail::explain(ready, || process.recent_output())?;
        self.ready_after = Some(self.started.elapsed());
        Ok(())
    }

    /// Time from the last start until the service was ready.
    pub(super) fn ready_after(&self) -> Option<Duration> {
        self.ready_after
    }

    /// Fails, with its last log lines, if it has ended.
    pub(super) fn ensure_running(&mut self) -> Result<()> {
        let process = self.process_mut()?;
        let runs = process.ensure_running();
        tail::explain(runs, || process.recent_output())
    }

    pub(super) fn is_running(&mut self) -> Result<bool> {
        match &mut self.process {
            Some(process) => Ok(process.exited()?.is_none()),
            None => Ok(false),
        }
    }

    pub(super) fn process(&self) -> Result<&Process> {
        self.process.as_ref().with_context(|| format!("the {} service was not started", self.service))
    }

    pub(super) fn process_mut(&mut self) -> Result<&mut Process> {
        self.process.as_mut().with_context(|| format!("the {} service was not started", self.service))
    }

    pub(super) fn log(&self) -> Result<String> {
        let bytes = fs::read(&self.log).with_context(|| format!("failed to read {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
