//! The four services as processes of this machine.

mod builder;
mod member;

use std::path::Path;
use std::process::ExitStatus;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};
use nix::sys::signal::Signal;

pub use builder::Builder;
pub(crate) use builder::build_command;
pub use catalog::{PerService, ServiceName};

use crate::client::Client;
use member::Member;

/// The running services. Dropped, all are asked to end, together, and killed if they don't.
#[derive(Debug)]
pub struct Suite {
    members: PerService<Member>,
    dir: std::path::PathBuf,
}

impl Suite {
    /// A suite on the broker at this address.
    pub fn builder(bootstrap_servers: impl Into<String>) -> Builder {
        Builder::new(bootstrap_servers.into())
    }

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

    /// Where databases (`<service>.db`), ledgers (`gateway.db`, `carrier.db`) and logs (`<service>.log`) are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The id of the process that a service has now or had last.
    ///
    /// # Errors
    /// When it was never started.
    pub fn pid(&self, service: ServiceName) -> Result<u32> {
        Ok(self.member(service).process()?.pid())
    }

    /// Whether the process of a service runs (also while it is paused).
    ///
    /// # Errors
    /// When the system can't tell.
    pub fn is_running(&mut self, service: ServiceName) -> Result<bool> {
        self.member_mut(service).is_running()
    }

    /// How the process of a service ended; `None` while it runs.
    ///
    /// # Errors
    /// When it was never started.
    pub fn ended(&mut self, service: ServiceName) -> Result<Option<ExitStatus>> {
        self.member_mut(service).process_mut()?.exited()
    }

    /// Ends a service as a crash does (SIGKILL).
    ///
    /// # Errors
    /// When it was never started or doesn't end.
    pub fn kill(&mut self, service: ServiceName) -> Result<ExitStatus> {
        self.member_mut(service).process_mut()?.kill()
    }

    /// Ends a service in an orderly way (SIGTERM; SIGKILL if it does not end within ten seconds) and returns how it ended.
    ///
    /// # Errors
    /// When it was never started or doesn't end.
    pub fn terminate(&mut self, service: ServiceName) -> Result<ExitStatus> {
        self.member_mut(service).process_mut()?.terminate()
    }

    /// Starts a service that has ended, on the same port and data, and waits until it is ready.
    ///
    /// # Errors
    /// When it runs, ends early or isn't ready in time; the message has its last log lines.
    pub fn start(&mut self, service: ServiceName) -> Result<()> {
        self.member_mut(service).spawn()?;
        self.wait_until_ready(service)
    }

    /// Gives a service another binary, which its next start uses: how a service is upgraded.
    pub fn set_binary(&mut self, service: ServiceName, binary: impl Into<std::path::PathBuf>) {
        self.member_mut(service).set_binary(binary.into());
    }

    /// Starts a service that has ended, without waiting until it is ready.
    ///
    /// # Errors
    /// When it runs or can't be started.
    pub fn spawn(&mut self, service: ServiceName) -> Result<()> {
        self.member_mut(service).spawn()
    }

    /// Waits until a service says that it is ready.
    ///
    /// # Errors
    /// When it ends early or isn't ready in time; the message has its last log lines.
    pub fn wait_until_ready(&mut self, service: ServiceName) -> Result<()> {
        self.member_mut(service).wait_until_ready()
    }

    /// How long after its last start a service was seen to be ready, by looks at most 50 ms apart; `None` before.
    pub fn ready_after(&self, service: ServiceName) -> Option<Duration> {
        self.member(service).ready_after()
    }

    /// Freezes a service (SIGSTOP), as an overloaded machine does. No effect on one that has ended.
    ///
    /// # Errors
    /// When it was never started.
    pub fn pause(&mut self, service: ServiceName) -> Result<()> {
        self.member_mut(service).process_mut()?.signal(Signal::SIGSTOP)
    }

    /// Lets a paused service go on (SIGCONT). No effect on one that has ended.
    ///
    /// # Errors
    /// When it was never started.
    pub fn resume(&mut self, service: ServiceName) -> Result<()> {
        self.member_mut(service).process_mut()?.signal(Signal::SIGCONT)
    }

    /// All that a service has logged so far, over all its starts.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn log(&self, service: ServiceName) -> Result<String> {
        self.member(service).log()
    }

    /// Checks that all services run.
    ///
    /// # Errors
    /// When one has ended; the message has its last log lines.
    pub fn ensure_running(&mut self) -> Result<()> {
        self.members.values_mut().try_for_each(Member::ensure_running)
    }

    fn start_all(&mut self) -> Result<()> {
        self.members.values_mut().try_for_each(Member::spawn)?;
        // Each is looked at by a thread of its own, so that none counts as starting while another is waited for.
        thread::scope(|scope| {
            let looks: Vec<_> =
                self.members.values_mut().map(|member| scope.spawn(|| member.wait_until_ready())).collect();
            looks.into_iter().try_for_each(|look| look.join().unwrap_or_else(|_| Err(anyhow!("a look at it failed"))))
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
        // All at once; then each process waits for its own end when it is dropped.
        for member in self.members.values_mut() {
            if let Ok(process) = member.process_mut() {
                process.ask_to_end().ok();
            }
        }
    }
}
