//! Does to the suite what a plan says: one thread for each service, one for the broker, one for each provider. What one
//! thread does comes one after the other; what several do overlaps as it comes.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jiff::Timestamp;
use providers::simulator::Trouble;
use xtask::Service;

use crate::plan::{Crowd, Fault, Plan, ServiceFault, Victim};
use crate::rewind::rewind;
use crate::stage::{Stage, What};

/// How long a service that is killed as it starts has had for it at most.
const STARTING: Duration = Duration::from_millis(400);

/// Orders flow for this time between two faults that are to have nothing to do with each other.
const BREATH: Duration = Duration::from_secs(3);

/// Does all of a plan, and returns when all is well again.
///
/// # Errors
/// Something can't be done, or a service or the broker does not come back.
pub fn inflict(stage: &Stage, plan: &Plan) -> Result<()> {
    let start = Instant::now();
    thread::scope(|scope| {
        let mut lanes = Vec::new();
        for (service, faults) in &plan.services {
            lanes.push(scope.spawn(move || hurt_service(stage, *service, faults, start)));
        }
        lanes.push(scope.spawn(move || hurt_broker(stage, &plan.broker, start)));
        lanes.push(scope.spawn(move || crowd(stage, plan.crowd, start)));
        for (service, faults) in &plan.providers {
            lanes.push(scope.spawn(move || trouble(stage, *service, faults, start)));
        }
        let done = lanes.into_iter().map(|lane| lane.join().expect("a lane does not panic"));
        done.collect::<Vec<_>>().into_iter().collect::<Result<()>>()
    })?;
    stage.revive()?;
    one_at_a_time(stage, &plan.alone)
}

/// Each is over, and its effects with it, before the next begins.
fn one_at_a_time(stage: &Stage, victims: &[(Victim, Duration)]) -> Result<()> {
    for (victim, lasts) in victims {
        thread::sleep(BREATH);
        stage.calm();
        match victim {
            Victim::Service(service) => {
                let fault = Fault { at: Duration::ZERO, kind: ServiceFault::Kill, lasts: *lasts };
                hurt_service(stage, *service, &[fault], Instant::now())?;
            }
            Victim::Broker => {
                hurt_broker(stage, &[Fault { at: Duration::ZERO, kind: (), lasts: *lasts }], Instant::now())?;
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

fn hurt_service(stage: &Stage, service: Service, faults: &[Fault<ServiceFault>], start: Instant) -> Result<()> {
    for fault in faults {
        wait_until(start, fault.at);
        let from = Timestamp::now();
        match fault.kind {
            ServiceFault::Pause => pause(stage, service, fault.lasts)?,
            kind => kill(stage, service, kind, fault.lasts).with_context(|| format!("{service}: {kind:?}"))?,
        }
        let what = if fault.kind == ServiceFault::Pause { What::Paused(service) } else { What::Killed(service) };
        stage.did(what, from);
    }
    Ok(())
}

fn pause(stage: &Stage, service: Service, lasts: Duration) -> Result<()> {
    stage.suite().pause(service)?;
    thread::sleep(lasts);
    stage.suite().resume(service)
}

fn kill(stage: &Stage, service: Service, kind: ServiceFault, lasts: Duration) -> Result<()> {
    let from = Timestamp::now();
    stage.kill(service)?;
    thread::sleep(lasts);
    match kind {
        ServiceFault::KillTwice => {
            stage.spawn(service)?;
            thread::sleep(lasts.min(STARTING));
            // A deed of its own: each start may make open calls again.
            stage.did(What::Killed(service), from);
            stage.kill(service)?;
        }
        ServiceFault::Replay(topic) => rewind(stage, service, topic)?,
        ServiceFault::Kill | ServiceFault::Pause => {}
    }
    stage.spawn(service)?;
    stage.wait_until_ready(service)
}

fn hurt_broker(stage: &Stage, faults: &[Fault<()>], start: Instant) -> Result<()> {
    for fault in faults {
        wait_until(start, fault.at);
        let from = Timestamp::now();
        stage.broker().kill9()?;
        thread::sleep(fault.lasts);
        stage.broker().restart()?;
        stage.did(What::BrokerKilled, from);
    }
    Ok(())
}

/// More instances come, and go: one as by `kill -9`, the others in order.
fn crowd(stage: &Stage, crowd: Option<Crowd>, start: Instant) -> Result<()> {
    let Some(Crowd { from, until, others }) = crowd else { return Ok(()) };
    wait_until(start, from);
    let mut others = (1..=others).map(|instance| stage.another(instance)).collect::<Result<Vec<_>>>()?;
    wait_until(start, until);
    if let Some(other) = others.first_mut() {
        for service in Service::all() {
            let killed = Timestamp::now();
            other.kill9(service)?;
            stage.did(What::Killed(service), killed);
        }
    }
    for other in others.iter_mut().skip(1) {
        for service in Service::all() {
            other.terminate(service)?;
        }
    }
    Ok(())
}

fn trouble(stage: &Stage, service: Service, faults: &[Fault<Trouble>], start: Instant) -> Result<()> {
    let ledger = stage.ledger(service);
    for fault in faults {
        wait_until(start, fault.at);
        let from = Timestamp::now();
        fault.kind.cause(&ledger)?;
        thread::sleep(fault.lasts);
        Trouble::default().cause(&ledger)?;
        stage.did(What::Trouble(service), from);
    }
    Ok(())
}
