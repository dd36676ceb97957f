//! Processor time and memory of each process during a load.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use catalog::ServiceName;
use serde::Serialize;
use xtask::{Broker, Postgres, Suite};

use super::proc;

/// Number of processors.
pub(crate) fn cores() -> u32 {
    thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

/// A process that takes part in a load.
#[derive(Debug, Clone, Copy)]
struct MeasuredProcess {
    name: &'static str,
    pid: u32,
    /// True if the process has children that share its memory, as PostgreSQL has.
    is_family: bool,
}

impl MeasuredProcess {
    fn of(name: &'static str, pid: u32) -> Self {
        Self { name, pid, is_family: false }
    }

    fn cpu_time(&self) -> Result<Duration> {
        if self.is_family { proc::family_cpu_time(self.pid) } else { proc::cpu_time(self.pid) }
    }
}

/// The processes, with the processor time that each had used at the beginning.
pub(crate) struct CostMeter {
    at_start: Vec<(MeasuredProcess, Duration)>,
    busy: Duration,
    at: Instant,
}

/// Cost of a load.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cost {
    pub(crate) processes: Vec<ProcessCost>,
    /// Fraction of the machine that other programs used. It lowers the measured performance.
    pub(crate) others_ratio: f64,
}

/// Cost of one process.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ProcessCost {
    pub(crate) name: &'static str,
    /// During the load.
    pub(crate) cpu_seconds: f64,
    /// Since the process started. A JVM's is determined by its heap size. `None` for processes that share their memory.
    pub(crate) peak_memory_bytes: Option<u64>,
}

impl CostMeter {
    /// Starts to measure.
    ///
    /// # Errors
    /// A process of this suite cannot be observed.
    pub(crate) fn begin(broker: &Broker, postgres: Option<&Postgres>, suite: &Suite) -> Result<Self> {
        // A broker in a container may have a process that is not visible here.
        let broker = broker.pid().filter(|&pid| proc::cpu_time(pid).is_ok());
        let mut participants: Vec<_> = broker.into_iter().map(|pid| MeasuredProcess::of("broker", pid)).collect();
        let postgres = postgres.and_then(Postgres::pid);
        participants
            .extend(postgres.map(|pid| MeasuredProcess { is_family: true, ..MeasuredProcess::of("postgres", pid) }));
        for service in ServiceName::all() {
            participants.push(MeasuredProcess::of(service.name(), suite.pid(service)?));
        }
        participants.push(MeasuredProcess::of("bench", std::process::id()));
        let at_start = participants.into_iter().map(|process| Ok((process, process.cpu_time()?)));
        Ok(Self { at_start: at_start.collect::<Result<_>>()?, busy: proc::busy_time()?, at: Instant::now() })
    }

    /// Returns the cost since the beginning.
    ///
    /// # Errors
    /// A process has ended.
    pub(crate) fn read(&self) -> Result<Cost> {
        let cost = |(process, before): &(MeasuredProcess, Duration)| {
            let cpu = process.cpu_time()?.saturating_sub(*before);
            let peak = if process.is_family { None } else { Some(proc::peak_memory(process.pid)?) };
            Ok(ProcessCost { name: process.name, cpu_seconds: cpu.as_secs_f64(), peak_memory_bytes: peak })
        };
        let processes = self.at_start.iter().map(cost).collect::<Result<Vec<_>>>()?;
        let own: f64 = processes.iter().map(|process| process.cpu_seconds).sum();
        let busy = proc::busy_time()?.saturating_sub(self.busy).as_secs_f64();
        let available = self.at.elapsed().as_secs_f64() * f64::from(cores());
        Ok(Cost { processes, others_ratio: ((busy - own) / available).max(0.0) })
    }
}
