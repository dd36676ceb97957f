//! Processor time, memory and disk writes of each process during a load.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use catalog::ServiceName;
use serde::Serialize;
use xtask::{Broker, Postgres, Suite};

use super::proc;

/// Name of this program among the processes.
pub(crate) const BENCH: &str = "bench";

/// Name of the broker among the processes.
pub(crate) const BROKER: &str = "broker";

/// Number of processors.
pub(crate) fn cores() -> u32 {
    thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

/// The processes that take part in a load.
#[derive(Debug, Clone)]
pub(crate) struct Participants(Vec<MeasuredProcess>);

#[derive(Debug, Clone, Copy)]
struct MeasuredProcess {
    name: &'static str,
    pid: u32,
    /// True if the process has children that share its memory, as PostgreSQL has.
    is_family: bool,
}

/// The processes, with their figures at the beginning.
pub(crate) struct CostMeter {
    at_start: Vec<(MeasuredProcess, Usage)>,
    busy: Duration,
    at: Instant,
    /// Memory of all services, at several times.
    memory: Vec<u64>,
}

/// Resources that a process has used since it started.
struct Usage {
    cpu: Duration,
    /// `None` for processes whose children write.
    written: Option<u64>,
}

/// Cost of a load.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cost {
    pub(crate) processes: Vec<ProcessCost>,
    pub(crate) memory_of_services: MemoryUse,
    /// Fraction of the machine that other programs used. It lowers the measured performance.
    pub(crate) others_ratio: f64,
}

/// Resident memory of all services together during the load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct MemoryUse {
    pub(crate) peak_bytes: u64,
    /// Median.
    pub(crate) steady_bytes: u64,
}

/// Cost of one process.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ProcessCost {
    pub(crate) name: &'static str,
    /// During the load.
    pub(crate) cpu_seconds: f64,
    /// Bytes written to the disk during the load. `None` for processes whose children write.
    pub(crate) written_bytes: Option<u64>,
    /// Since the process started. A JVM's is determined by its heap size. `None` for processes that share their memory.
    pub(crate) peak_memory_bytes: Option<u64>,
}

impl Participants {
    /// The processes of a suite, its broker and its database server, and this one.
    ///
    /// # Errors
    /// A service does not run.
    pub(crate) fn of(broker: &Broker, postgres: Option<&Postgres>, suite: &Suite) -> Result<Self> {
        // A broker in a container may have a process that is not visible here.
        let broker = broker.pid().filter(|&pid| proc::cpu_time(pid).is_ok());
        let mut all: Vec<_> = broker.into_iter().map(|pid| MeasuredProcess::of(BROKER, pid)).collect();
        let postgres = postgres.and_then(Postgres::pid);
        all.extend(postgres.map(|pid| MeasuredProcess { is_family: true, ..MeasuredProcess::of("postgres", pid) }));
        for service in ServiceName::all() {
            all.push(MeasuredProcess::of(service.name(), suite.pid(service)?));
        }
        all.push(MeasuredProcess::of(BENCH, std::process::id()));
        Ok(Self(all))
    }
}

#[cfg(test)]
impl Participants {
    /// This process under another name.
    pub(super) fn this_process_as(name: &'static str) -> Self {
        Self(vec![MeasuredProcess::of(name, std::process::id())])
    }
}

impl MeasuredProcess {
    fn of(name: &'static str, pid: u32) -> Self {
        Self { name, pid, is_family: false }
    }

    fn usage(&self) -> Result<Usage> {
        let cpu = if self.is_family { proc::family_cpu_time(self.pid) } else { proc::cpu_time(self.pid) };
        let written = (!self.is_family).then(|| proc::written_bytes(self.pid)).transpose()?;
        Ok(Usage { cpu: cpu?, written })
    }

    fn cost_since(&self, before: &Usage) -> Result<ProcessCost> {
        let now = self.usage()?;
        Ok(ProcessCost {
            name: self.name,
            cpu_seconds: now.cpu.saturating_sub(before.cpu).as_secs_f64(),
            written_bytes: now.written.zip(before.written).map(|(now, before)| now.saturating_sub(before)),
            peak_memory_bytes: (!self.is_family).then(|| proc::peak_memory(self.pid)).transpose()?,
        })
    }
}

impl CostMeter {
    /// Starts to measure.
    ///
    /// # Errors
    /// A process of this suite cannot be observed.
    pub(crate) fn begin(participants: &Participants) -> Result<Self> {
        let at_start = participants.0.iter().map(|process| Ok((*process, process.usage()?)));
        let at_start = at_start.collect::<Result<_>>()?;
        Ok(Self { at_start, busy: proc::busy_time()?, at: Instant::now(), memory: Vec::new() })
    }

    /// Reads the current memory of the services.
    ///
    /// # Errors
    /// A process has ended.
    pub(crate) fn sample_memory(&mut self) -> Result<()> {
        let services = self.at_start.iter().filter(|(process, _)| ServiceName::find(process.name).is_some());
        self.memory.push(services.map(|(process, _)| proc::memory(process.pid)).sum::<Result<u64>>()?);
        Ok(())
    }

    /// Returns the cost since the beginning.
    ///
    /// # Errors
    /// A process has ended.
    pub(crate) fn read(self) -> Result<Cost> {
        let processes = self.at_start.iter().map(|(process, before)| process.cost_since(before));
        let processes = processes.collect::<Result<Vec<_>>>()?;
        let own: f64 = processes.iter().map(|process| process.cpu_seconds).sum();
        let busy = proc::busy_time()?.saturating_sub(self.busy).as_secs_f64();
        let available = self.at.elapsed().as_secs_f64() * f64::from(cores());
        let others_ratio = ((busy - own) / available).max(0.0);
        Ok(Cost { processes, memory_of_services: MemoryUse::of(self.memory), others_ratio })
    }
}

impl MemoryUse {
    fn of(mut samples: Vec<u64>) -> Self {
        samples.sort_unstable();
        let steady_bytes = samples.get(samples.len() / 2).copied().unwrap_or_default();
        Self { peak_bytes: samples.last().copied().unwrap_or_default(), steady_bytes }
    }
}

impl Cost {
    /// Processor time of services, broker and database server, in seconds. Returns `None` if the broker's is unknown.
    pub(crate) fn suite_cpu_seconds(&self) -> Option<f64> {
        self.processes.iter().find(|process| process.name == BROKER)?;
        Some(self.processes.iter().filter(|process| process.name != BENCH).map(|process| process.cpu_seconds).sum())
    }

    /// Bytes that the services wrote to the disk, without those of a database server.
    pub(crate) fn written_by_services(&self) -> u64 {
        let services = self.processes.iter().filter(|process| ServiceName::find(process.name).is_some());
        services.filter_map(|process| process.written_bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(name: &'static str, cpu_seconds: f64, written_bytes: Option<u64>) -> ProcessCost {
        ProcessCost { name, cpu_seconds, written_bytes, peak_memory_bytes: None }
    }

    #[test]
    fn memory_use_is_maximum_and_median() {
        assert_eq!(MemoryUse::of(vec![5, 90, 7]), MemoryUse { peak_bytes: 90, steady_bytes: 7 });
        assert_eq!(MemoryUse::of(vec![]), MemoryUse::default());
    }

    #[test]
    fn suite_excludes_the_load_generator() {
        let processes = vec![
            process(BROKER, 1.0, Some(1000)),
            process("order", 0.5, Some(10)),
            process("payment", 0.25, Some(20)),
            process(BENCH, 4.0, Some(7)),
        ];
        let mut cost = Cost { processes, memory_of_services: MemoryUse::default(), others_ratio: 0.0 };
        assert_eq!((cost.suite_cpu_seconds(), cost.written_by_services()), (Some(1.75), 30));
        cost.processes.remove(0);
        assert_eq!(cost.suite_cpu_seconds(), None);
    }
}
