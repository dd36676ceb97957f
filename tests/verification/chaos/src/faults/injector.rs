//! Injection of a fault plan.
//!
//! One thread per service, one for the broker, one for scaling out and one per provider. Faults of one thread are
//! sequential; faults of different threads overlap.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jiff::Timestamp;
use providers::simulator::FaultProfile;
use xtask::ServiceName;

use crate::faults::plan::{FaultPlan, KillTarget, ScaleOut, ScheduledFault, ServiceFault};
use crate::faults::rewind::rewind;
use crate::system::{FaultKind, SystemUnderTest};

/// Maximum time between the start of a service and the second kill of [`ServiceFault::KillTwice`].
const STARTUP_KILL_DELAY: Duration = Duration::from_millis(400);

/// Fault-free time before and after each isolated fault, so that the effects of two faults do not mix.
const ISOLATION_PAUSE: Duration = Duration::from_secs(3);

/// Injects the whole plan. Returns after the system has recovered from the last fault.
///
/// # Errors
/// A fault cannot be injected, or a service or the broker does not recover.
pub fn inject(system: &SystemUnderTest, plan: &FaultPlan) -> Result<()> {
    let start = Instant::now();
    thread::scope(|scope| {
        let mut lanes = Vec::new();
        for (service, faults) in &plan.services {
            lanes.push(scope.spawn(move || inject_service_faults(system, *service, faults, start)));
        }
        lanes.push(scope.spawn(move || inject_broker_faults(system, &plan.broker, start)));
        lanes.push(scope.spawn(move || scale_out(system, plan.scale_out, start)));
        for (service, faults) in &plan.providers {
            lanes.push(scope.spawn(move || inject_provider_faults(system, *service, faults, start)));
        }
        let results = lanes.into_iter().map(|lane| lane.join().expect("injector thread panicked"));
        results.collect::<Vec<_>>().into_iter().collect::<Result<()>>()
    })?;
    system.restart_exited()?;
    inject_isolated(system, &plan.isolated)
}

/// Kills one target at a time and waits for recovery in between.
fn inject_isolated(system: &SystemUnderTest, targets: &[(KillTarget, Duration)]) -> Result<()> {
    for (target, lasts) in targets {
        thread::sleep(ISOLATION_PAUSE);
        system.begin_isolated_faults();
        match target {
            KillTarget::Service(service) => {
                let fault = ScheduledFault { at: Duration::ZERO, kind: ServiceFault::Kill, lasts: *lasts };
                inject_service_faults(system, *service, &[fault], Instant::now())?;
            }
            KillTarget::Broker => {
                let fault = ScheduledFault { at: Duration::ZERO, kind: (), lasts: *lasts };
                inject_broker_faults(system, &[fault], Instant::now())?;
            }
        }
    }
    thread::sleep(ISOLATION_PAUSE);
    Ok(())
}

/// Sleeps until the scheduled time. Returns at once if that time has passed.
fn sleep_until(start: Instant, at: Duration) {
    thread::sleep(at.saturating_sub(start.elapsed()));
}

fn inject_service_faults(
    system: &SystemUnderTest,
    service: ServiceName,
    faults: &[ScheduledFault<ServiceFault>],
    start: Instant,
) -> Result<()> {
    for fault in faults {
        sleep_until(start, fault.at);
        let from = Timestamp::now();
        match fault.kind {
            ServiceFault::Pause => pause(system, service, fault.lasts)?,
            kind => kill(system, service, kind, fault.lasts).with_context(|| format!("{service}: {kind:?}"))?,
        }
        let is_pause = fault.kind == ServiceFault::Pause;
        let kind = if is_pause { FaultKind::Paused(service) } else { FaultKind::Killed(service) };
        system.record_fault(kind, from);
    }
    Ok(())
}

fn pause(system: &SystemUnderTest, service: ServiceName, lasts: Duration) -> Result<()> {
    system.suite().pause(service)?;
    thread::sleep(lasts);
    system.suite().resume(service)
}

fn kill(system: &SystemUnderTest, service: ServiceName, kind: ServiceFault, lasts: Duration) -> Result<()> {
    let from = Timestamp::now();
    system.kill(service)?;
    thread::sleep(lasts);
    match kind {
        ServiceFault::KillTwice => {
            system.spawn(service)?;
            thread::sleep(lasts.min(STARTUP_KILL_DELAY));
            // A separate fault, because each start may repeat open provider calls.
            system.record_fault(FaultKind::Killed(service), from);
            system.kill(service)?;
        }
        ServiceFault::Replay(topic) => rewind(system, service, topic)?,
        ServiceFault::Kill | ServiceFault::Pause => {}
    }
    system.spawn(service)?;
    system.wait_until_ready(service)
}

fn inject_broker_faults(system: &SystemUnderTest, faults: &[ScheduledFault<()>], start: Instant) -> Result<()> {
    for fault in faults {
        sleep_until(start, fault.at);
        let from = Timestamp::now();
        system.broker().kill()?;
        thread::sleep(fault.lasts);
        system.broker().restart()?;
        system.record_fault(FaultKind::BrokerKilled, from);
    }
    Ok(())
}

/// Starts further instances, later stops them: the first by SIGKILL, the others by SIGTERM.
fn scale_out(system: &SystemUnderTest, scale_out: Option<ScaleOut>, start: Instant) -> Result<()> {
    let Some(ScaleOut { from, until, others }) = scale_out else { return Ok(()) };
    sleep_until(start, from);
    let mut others = (1..=others).map(|instance| system.start_instance(instance)).collect::<Result<Vec<_>>>()?;
    sleep_until(start, until);
    if let Some(other) = others.first_mut() {
        for service in ServiceName::all() {
            let killed = Timestamp::now();
            other.kill(service)?;
            system.record_fault(FaultKind::Killed(service), killed);
        }
    }
    for other in others.iter_mut().skip(1) {
        for service in ServiceName::all() {
            other.terminate(service)?;
        }
    }
    Ok(())
}

fn inject_provider_faults(
    system: &SystemUnderTest,
    service: ServiceName,
    faults: &[ScheduledFault<FaultProfile>],
    start: Instant,
) -> Result<()> {
    let ledger = system.ledger(service);
    for fault in faults {
        sleep_until(start, fault.at);
        let from = Timestamp::now();
        fault.kind.inject(&ledger)?;
        thread::sleep(fault.lasts);
        FaultProfile::default().inject(&ledger)?;
        system.record_fault(FaultKind::ProviderOutage(service), from);
    }
    Ok(())
}
