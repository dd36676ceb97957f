//! Starts services again that crash, as a supervisor does.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use xtask::{Client, ServiceName};

use crate::system::{FaultKind, SystemUnderTest};

/// How often a supervisor looks.
const SUPERVISION: Duration = Duration::from_millis(10);
/// How long one look at a service's readiness may take.
const PROBE: Duration = Duration::from_secs(1);
/// How long a service may take to be ready again, on a busy machine.
const COMING_BACK: SignedDuration = SignedDuration::from_mins(1);
const SIGABRT: i32 = 6;

/// Works while services that crash are started again, as a supervisor does. The system counts them.
///
/// # Errors
/// The work fails; or a service ended in another way, or does not come back.
pub fn supervised(system: &SystemUnderTest, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let is_over = &is_over;
        let start = |service| scope.spawn(move || supervise(system, service, is_over));
        let supervisors: Vec<_> = ServiceName::all().map(start).collect();
        // However the work ends, so does the supervision.
        let over = OnDrop(is_over);
        let worked = work();
        drop(over);
        let mut supervised = supervisors.into_iter().map(|supervisor| supervisor.join().expect("it does not panic"));
        // Why a service is away tells more than what could not be done without it.
        supervised.try_for_each(|supervised| supervised)?;
        worked
    })
}

fn supervise(system: &SystemUnderTest, service: ServiceName, is_over: &AtomicBool) -> Result<()> {
    let client = Client::with_timeout(system.client(service).base(), PROBE);
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
            ensure!(Timestamp::now().duration_since(from) < COMING_BACK, "{service} is not ready again since {from}");
        }
        thread::sleep(SUPERVISION);
    }
    Ok(())
}

/// Raises a flag.
struct OnDrop<'f>(&'f AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn is_abort(status: ExitStatus) -> bool {
    status.signal() == Some(SIGABRT)
}
