//! What a load costs each process.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use xtask::{Broker, Postgres, ServiceName, Suite};

use crate::machine;

/// How many processors there are.
pub(crate) fn cores() -> u32 {
    thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

/// A process that takes part.
#[derive(Debug, Clone, Copy)]
struct Participant {
    name: &'static str,
    pid: u32,
    /// Its processes are many, and share their memory.
    is_family: bool,
}

impl Participant {
    fn of(name: &'static str, pid: u32) -> Self {
        Self { name, pid, is_family: false }
    }

    fn cpu_time(&self) -> Result<Duration> {
        if self.is_family { machine::family_cpu_time(self.pid) } else { machine::cpu_time(self.pid) }
    }
}

/// The processes, with the processor time that each had used when it was begun to look.
pub(crate) struct Meter {
    began: Vec<(Participant, Duration)>,
    busy: Duration,
    at: Instant,
}

/// What a load cost.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cost {
    pub(crate) processes: Vec<ProcessCost>,
    /// How much of the machine was used by others; what is measured would be better without them.
    pub(crate) others_ratio: f64,
}

/// What one process used.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ProcessCost {
    pub(crate) name: &'static str,
    /// During the load.
    pub(crate) cpu_seconds: f64,
    /// Since the process began; what a JVM takes is set by its heap's size. Unknown for processes that share it.
    pub(crate) peak_memory_bytes: Option<u64>,
}

impl Meter {
    /// Begins to look.
    ///
    /// # Errors
    /// The system doesn't tell of one of our own processes.
    pub(crate) fn begin(broker: &Broker, postgres: Option<&Postgres>, suite: &Suite) -> Result<Self> {
        // A broker in a container may have a process that can't be seen from here.
        let broker = broker.pid().filter(|&pid| machine::cpu_time(pid).is_ok());
        let mut participants: Vec<_> = broker.into_iter().map(|pid| Participant::of("broker", pid)).collect();
        let postgres = postgres.and_then(Postgres::pid);
        participants.extend(postgres.map(|pid| Participant { is_family: true, ..Participant::of("postgres", pid) }));
        for service in ServiceName::all() {
            participants.push(Participant::of(service.name(), suite.pid(service)?));
        }
        participants.push(Participant::of("bench", std::process::id()));
        let began = participants.into_iter().map(|process| Ok((process, process.cpu_time()?)));
        Ok(Self { began: began.collect::<Result<_>>()?, busy: machine::busy_time()?, at: Instant::now() })
    }

    /// What was used since.
    ///
    /// # Errors
    /// A process has ended.
    pub(crate) fn read(&self) -> Result<Cost> {
        let cost = |(process, before): &(Participant, Duration)| {
            let cpu = process.cpu_time()?.saturating_sub(*before);
            let peak = if process.is_family { None } else { Some(machine::peak_memory(process.pid)?) };
            Ok(ProcessCost { name: process.name, cpu_seconds: cpu.as_secs_f64(), peak_memory_bytes: peak })
        };
        let processes = self.began.iter().map(cost).collect::<Result<Vec<_>>>()?;
        let own: f64 = processes.iter().map(|process| process.cpu_seconds).sum();
        let busy = machine::busy_time()?.saturating_sub(self.busy).as_secs_f64();
        let available = self.at.elapsed().as_secs_f64() * f64::from(cores());
        Ok(Cost { processes, others_ratio: ((busy - own) / available).max(0.0) })
    }
}
