//! Does to the suite what a plan says: one thread for each service, one for the broker, one for each provider. What one
//! thread does comes one after the other; what several do overlaps as it comes.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jiff::Timestamp;
use providers::simulator::Trouble;
use xtask::ServiceName;

use crate::faults::plan::{FaultPlan, KillTarget, ScaleOut, ScheduledFault, ServiceFault};
use crate::faults::rewind::rewind;
use crate::system::{FaultKind, SystemUnderTest};

/// How long a service that is killed as it starts has had for it at most.
const STARTING: Duration = Duration::from_millis(400);

/// Orders flow for this time between two faults that are to have nothing to do with each other.
const BREATH: Duration = Duration::from_secs(3);

/// Does all of a plan, and returns when all is well again.
///
/// # Errors
/// Something can't be done, or a service or the broker does not come back.
pub fn inject(system: &SystemUnderTest, plan: &FaultPlan) -> Result<()> {
    let start = Instant::now();
    thread::scope(|scope| {
        let mut lanes = Vec::new();
        for (service, faults) in &plan.services {
            lanes.push(scope.spawn(move || hurt_service(system, *service, faults, start)));
        }
        lanes.push(scope.spawn(move || hurt_broker(system, &plan.broker, start)));
        lanes.push(scope.spawn(move || scale_out(system, plan.scale_out, start)));
        for (service, faults) in &plan.providers {
            lanes.push(scope.spawn(move || trouble(system, *service, faults, start)));
        }
        let done = lanes.into_iter().map(|lane| lane.join().expect("a lane does not panic"));
        done.collect::<Vec<_>>().into_iter().collect::<Result<()>>()
    })?;
    system.restart_exited()?;
    one_at_a_time(system, &plan.alone)
}

/// Each is over, and its effects with it, before the next begins.
fn one_at_a_time(system: &SystemUnderTest, targets: &[(KillTarget, Duration)]) -> Result<()> {
    for (target, lasts) in targets {
        thread::sleep(BREATH);
        system.begin_isolated_faults();
        match target {
            KillTarget::Service(service) => {
                let fault = ScheduledFault { at: Duration::ZERO, kind: ServiceFault::Kill, lasts: *lasts };
                hurt_service(system, *service, &[fault], Instant::now())?;
            }
            KillTarget::Broker => {
                hurt_broker(system, &[ScheduledFault { at: Duration::ZERO, kind: (), lasts: *lasts }], Instant::now())?;
            }
        }
    }
    thread::sleep(BREATH);
    Ok(())
}

/// Waits for the time of a fault; one that is late already comes at once.
fn wait_until(start: Instant, at: Duration) {
    thread::sleep(at.saturating_sub(start.elapsed()));
}

fn hurt_service(
    system: &SystemUnderTest,
    service: ServiceName,
    faults: &[ScheduledFault<ServiceFault>],
    start: Instant,
) -> Result<()> {
    for fault in faults {
        wait_until(start, fault.at);
        let from = Timestamp::now();
        match fault.kind {
            ServiceFault::Pause => pause(system, service, fault.lasts)?,
            kind => kill(system, service, kind, fault.lasts).with_context(|| format!("{service}: {kind:?}"))?,
        }
        let what =
            if fault.kind == ServiceFault::Pause { FaultKind::Paused(service) } else { FaultKind::Killed(service) };
        system.record_fault(what, from);
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
            thread::sleep(lasts.min(STARTING));
            // A fault of its own: each start may make open calls again.
            system.record_fault(FaultKind::Killed(service), from);
            system.kill(service)?;
        }
        ServiceFault::Replay(topic) => rewind(system, service, topic)?,
        ServiceFault::Kill | ServiceFault::Pause => {}
    }
    system.spawn(service)?;
    system.wait_until_ready(service)
}

fn hurt_broker(system: &SystemUnderTest, faults: &[ScheduledFault<()>], start: Instant) -> Result<()> {
    for fault in faults {
        wait_until(start, fault.at);
        let from = Timestamp::now();
        system.broker().kill()?;
        thread::sleep(fault.lasts);
        system.broker().restart()?;
        system.record_fault(FaultKind::BrokerKilled, from);
    }
    Ok(())
}

/// More instances come, and go: one as by `kill -9`, the others in order.
fn scale_out(system: &SystemUnderTest, scale_out: Option<ScaleOut>, start: Instant) -> Result<()> {
    let Some(ScaleOut { from, until, others }) = scale_out else { return Ok(()) };
    wait_until(start, from);
    let mut others = (1..=others).map(|instance| system.start_instance(instance)).collect::<Result<Vec<_>>>()?;
    wait_until(start, until);
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

fn trouble(
    system: &SystemUnderTest,
    service: ServiceName,
    faults: &[ScheduledFault<Trouble>],
    start: Instant,
) -> Result<()> {
    let ledger = system.ledger(service);
    for fault in faults {
        wait_until(start, fault.at);
        let from = Timestamp::now();
        fault.kind.cause(&ledger)?;
        thread::sleep(fault.lasts);
        Trouble::default().cause(&ledger)?;
        system.record_fault(FaultKind::Trouble(service), from);
    }
    Ok(())
}
