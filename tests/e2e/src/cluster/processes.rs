//! Starting, stopping and freezing of services.

use std::{path::Path, process::ExitStatus, time::Duration};

use anyhow::Result;
use catalog::ServiceName;
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use xtask::wait::{Poll, wait_for};

use super::TestCluster;

impl TestCluster {
    /// Ends a service with SIGKILL, like a crash.
    #[track_caller]
    pub fn kill(&self, service: ServiceName) {
        self.suite().kill(service).expect("the service was running");
    }

    /// Starts a service that has ended, and waits until it is ready.
    #[track_caller]
    pub fn start(&self, service: ServiceName) {
        self.suite().start(service).expect("the service becomes ready");
    }

    /// Kills a service and starts it again.
    #[track_caller]
    pub fn crash_and_restart(&self, service: ServiceName) {
        self.kill(service);
        self.start(service);
    }

    /// Starts a service that has ended from another binary, and waits until it is ready.
    #[track_caller]
    pub fn start_binary(&self, service: ServiceName, binary: &Path) {
        self.suite().set_binary(service, binary);
        self.start(service);
    }

    /// Starts a service that has ended, without waiting until it is ready.
    #[track_caller]
    pub fn spawn(&self, service: ServiceName) {
        self.suite().spawn(service).expect("the service starts");
    }

    /// Sends SIGTERM to a service and waits until it exits.
    #[track_caller]
    pub fn terminate(&self, service: ServiceName) -> ExitStatus {
        self.suite().terminate(service).expect("the service exits")
    }

    /// Sends SIGTERM to a service without waiting.
    #[track_caller]
    pub fn send_sigterm(&self, service: ServiceName) {
        let pid = i32::try_from(self.pid(service)).expect("a process id fits i32");
        signal::kill(Pid::from_raw(pid), Signal::SIGTERM).expect("the service is running");
    }

    /// Waits until a service has exited.
    ///
    /// # Errors
    /// The service is still running after this time.
    pub fn wait_until_exited(&self, service: ServiceName, within: Duration) -> Result<ExitStatus> {
        wait_for(&format!("the end of {service}"), within, || {
            let is_running = self.suite().is_running(service)?;
            Ok(if is_running { Poll::Pending("still running".to_owned()) } else { Poll::Ready(()) })
        })?;
        self.suite().terminate(service)
    }

    /// Freezes a service with SIGSTOP.
    #[track_caller]
    pub fn pause(&self, service: ServiceName) {
        self.suite().pause(service).expect("the service is running");
    }

    /// Continues a frozen service.
    #[track_caller]
    pub fn resume(&self, service: ServiceName) {
        self.suite().resume(service).expect("the service is frozen");
    }

    /// Asserts that no service has ended.
    #[track_caller]
    pub fn assert_all_running(&self) {
        self.suite().ensure_running().expect("all services run");
    }

    /// Returns whether a service runs.
    #[track_caller]
    pub(super) fn is_running(&self, service: ServiceName) -> bool {
        self.suite().is_running(service).expect("the service was started")
    }

    /// Process id of a service.
    #[track_caller]
    pub fn pid(&self, service: ServiceName) -> u32 {
        self.suite().pid(service).expect("the service is running")
    }

    /// Log of a service so far.
    #[track_caller]
    pub fn log(&self, service: ServiceName) -> String {
        self.suite().log(service).expect("the log is readable")
    }
}
