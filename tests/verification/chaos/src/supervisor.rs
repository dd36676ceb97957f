//! Restarts crashed services, as a supervisor does.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use xtask::{Client, ServiceName};

use crate::system::{FaultKind, SystemUnderTest};

/// Time between two checks of a service.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
/// Maximum duration of a readiness request.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// Maximum time until a restarted service is ready, on a busy machine.
const RESTART_TIMEOUT: SignedDuration = SignedDuration::from_mins(1);
const SIGABRT: i32 = 6;

/// Runs the work while crashed services are restarted. The system counts the crashes.
///
/// # Errors
/// The work fails, a service ends otherwise than by a crash, or a restarted service does not become ready.
pub fn supervised(system: &SystemUnderTest, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let is_over = &is_over;
        let start = |service| scope.spawn(move || supervise(system, service, is_over));
        let supervisors: Vec<_> = ServiceName::all().map(start).collect();
        // Ends the supervision even if the work panics.
        let over = OnDrop(is_over);
        let worked = work();
        drop(over);
        let mut supervised = supervisors.into_iter().map(|supervisor| supervisor.join().expect("it does not panic"));
        // A failed service is the more informative error, because it makes the work fail too.
        supervised.try_for_each(|supervised| supervised)?;
        worked
    })
}

fn supervise(system: &SystemUnderTest, service: ServiceName, is_over: &AtomicBool) -> Result<()> {
    let client = Client::with_timeout(system.client(service).base(), PROBE_TIMEOUT);
    let mut down_since = None;
    while down_since.is_some() || !is_over.load(Ordering::Relaxed) {
        let ended = system.suite().ended(service)?;
        if let Some(status) = ended {
            ensure!(is_abort(status), "{service} ended with {status}");
            system.record_crash();
            down_since.get_or_insert_with(Timestamp::now);
            system.spawn(service)?;
        } else if let Some(from) = down_since
            && client.get("/readyz").is_ok_and(|reply| reply.status == 200)
        {
            system.record_fault(FaultKind::Killed(service), from);
            down_since = None;
        } else if let Some(from) = down_since {
            ensure!(
                Timestamp::now().duration_since(from) < RESTART_TIMEOUT,
                "{service} has not been ready since {from}"
            );
        }
        thread::sleep(CHECK_INTERVAL);
    }
    Ok(())
}

/// Sets a flag when it is dropped.
struct OnDrop<'f>(&'f AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn is_abort(status: ExitStatus) -> bool {
    status.signal() == Some(SIGABRT)
}
