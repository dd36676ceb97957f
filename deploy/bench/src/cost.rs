//! What a load costs each process.

use std::time::Duration;

use anyhow::Result;
use local::{Broker, Service, Suite};
use serde::Serialize;

use crate::machine;

/// A process that takes part.
#[derive(Debug, Clone, Copy)]
struct Participant {
    name: &'static str,
    pid: u32,
}

/// The processes, with the processor time that each had used when it was begun to look.
pub(crate) struct Meter {
    began: Vec<(Participant, Duration)>,
}

/// What one process used.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ProcessCost {
    pub(crate) name: &'static str,
    /// During the load.
    pub(crate) cpu_seconds: f64,
    /// Since the process began; what a JVM takes is set by its heap's size.
    pub(crate) peak_memory_bytes: u64,
}

impl Meter {
    /// Begins to look.
    ///
    /// # Errors
    /// The system doesn't tell of one of our own processes.
    pub(crate) fn begin(broker: &Broker, suite: &Suite) -> Result<Self> {
        // A broker in a container may have a process that can't be seen from here.
        let broker = broker.pid().filter(|&pid| machine::cpu_time(pid).is_ok());
        let mut participants: Vec<_> = broker.into_iter().map(|pid| Participant { name: "broker", pid }).collect();
        for service in Service::all() {
            participants.push(Participant { name: service.name(), pid: suite.pid(service)? });
        }
        participants.push(Participant { name: "bench", pid: std::process::id() });
        let began = participants.into_iter().map(|process| Ok((process, machine::cpu_time(process.pid)?)));
        Ok(Self { began: began.collect::<Result<_>>()? })
    }

    /// What each process used since.
    ///
    /// # Errors
    /// A process has ended.
    pub(crate) fn read(&self) -> Result<Vec<ProcessCost>> {
        let cost = |(process, before): &(Participant, Duration)| {
            let cpu = machine::cpu_time(process.pid)?.saturating_sub(*before);
            Ok(ProcessCost {
                name: process.name,
                cpu_seconds: cpu.as_secs_f64(),
                peak_memory_bytes: machine::peak_memory(process.pid)?,
            })
        };
        self.began.iter().map(cost).collect()
    }
}
