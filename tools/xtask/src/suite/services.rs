//! The four services as processes of this machine.

use std::path::Path;
use std::process::ExitStatus;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};
use catalog::{PerService, ServiceName};
use nix::sys::signal::Signal;

use super::member::Member;
use crate::client::Client;

/// The running services. Dropping them terminates all concurrently, and kills those that do not exit.
#[derive(Debug)]
pub struct Suite {
    pub(super) members: PerService<Member>,
    pub(super) dir: std::path::PathBuf,
}

impl Suite {
    /// The address of a service: `http://127.0.0.1:<port>`, the same after a restart.
    pub fn url(&self, service: ServiceName) -> String {
        self.member(service).url()
    }

    /// An HTTP client of a service.
    pub fn client(&self, service: ServiceName) -> Client {
        Client::new(self.url(service))
    }

    /// The `DATABASE_URL` of a service.
    pub fn database_url(&self, service: ServiceName) -> &str {
        self.member(service).variable("DATABASE_URL").unwrap_or_default()
    }

    /// Directory of databases (`<service>.db`), ledgers and logs (`<service>.log`).
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The id of the current or last process of a service.
    ///
    /// # Errors
    /// It was never started.
    pub fn pid(&self, service: ServiceName) -> Result<u32> {
        Ok(self.member(service).process()?.pid())
    }

    /// Returns true while the process of a service runs, even if it is paused.
    ///
    /// # Errors
    /// The operating system does not report it.
    pub fn is_running(&mut self, service: ServiceName) -> Result<bool> {
        self.member_mut(service).is_running()
    }

    /// Exit status of a service; `None` while it runs.
    ///
    /// # Errors
    /// It was never started.
    pub fn ended(&mut self, service: ServiceName) -> Result<Option<ExitStatus>> {
        self.member_mut(service).process_mut()?.exited()
    }

    /// Kills a service (SIGKILL).
    ///
    /// # Errors
    /// It was never started or does not end.
    pub fn kill(&mut self, service: ServiceName) -> Result<ExitStatus> {
        self.member_mut(service).process_mut()?.kill()
    }

    /// Stops a service gracefully (SIGTERM; SIGKILL after ten seconds) and returns its exit status.
    ///
    /// # Errors
    /// It was never started or does not end.
    pub fn terminate(&mut self, service: ServiceName) -> Result<ExitStatus> {
        self.member_mut(service).process_mut()?.terminate()
    }

    /// Starts a service that has ended, on the same port and data, and waits until it is ready.
    ///
    /// # Errors
    /// It runs, ends early or is not ready in time; the message has its last log lines.
    pub fn start(&mut self, service: ServiceName) -> Result<()> {
        self.member_mut(service).spawn()?;
        self.wait_until_ready(service)
    }

    /// Sets the binary for the next start of a service, for tests of upgrades.
    pub fn set_binary(&mut self, service: ServiceName, binary: impl Into<std::path::PathBuf>) {
        self.member_mut(service).set_binary(binary.into());
    }

    /// Starts a service that has ended, without waiting until it is ready.
    ///
    /// # Errors
    /// It runs or cannot be started.
    pub fn spawn(&mut self, service: ServiceName) -> Result<()> {
        self.member_mut(service).spawn()
    }

    /// Waits until a service reports that it is ready.
    ///
    /// # Errors
    /// It ends early or is not ready in time; the message has its last log lines.
    pub fn wait_until_ready(&mut self, service: ServiceName) -> Result<()> {
        self.member_mut(service).wait_until_ready()
    }

    /// Time from the last start of a service until it was ready, measured by checks at most 50 ms apart; `None` before.
    pub fn ready_after(&self, service: ServiceName) -> Option<Duration> {
        self.member(service).ready_after()
    }

    /// Freezes a service (SIGSTOP), as an overloaded machine does. No effect on one that has ended.
    ///
    /// # Errors
    /// It was never started.
    pub fn pause(&mut self, service: ServiceName) -> Result<()> {
        self.member_mut(service).process_mut()?.signal(Signal::SIGSTOP)
    }

    /// Resumes a paused service (SIGCONT). No effect on one that has ended.
    ///
    /// # Errors
    /// It was never started.
    pub fn resume(&mut self, service: ServiceName) -> Result<()> {
        self.member_mut(service).process_mut()?.signal(Signal::SIGCONT)
    }

    /// The log of a service over all its starts.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn log(&self, service: ServiceName) -> Result<String> {
        self.member(service).log()
    }

    /// Checks that all services run.
    ///
    /// # Errors
    /// One has ended; the message has its last log lines.
    pub fn ensure_running(&mut self) -> Result<()> {
        self.members.values_mut().try_for_each(Member::ensure_running)
    }

    pub(super) fn start_all(&mut self) -> Result<()> {
        self.members.values_mut().try_for_each(Member::spawn)?;
        // One thread per service, so that waiting for one does not lengthen the measured start of another.
        thread::scope(|scope| {
            let looks: Vec<_> =
                self.members.values_mut().map(|member| scope.spawn(|| member.wait_until_ready())).collect();
            looks
                .into_iter()
                .try_for_each(|look| look.join().unwrap_or_else(|_| Err(anyhow!("a readiness check panicked"))))
        })
    }

    fn member(&self, service: ServiceName) -> &Member {
        &self.members[service]
    }

    fn member_mut(&mut self, service: ServiceName) -> &mut Member {
        &mut self.members[service]
    }
}

impl Drop for Suite {
    fn drop(&mut self) {
        // Signals all services first. Dropping a process then waits for its end.
        for member in self.members.values_mut() {
            if let Ok(process) = member.process_mut() {
                process.request_exit().ok();
            }
        }
    }
}
