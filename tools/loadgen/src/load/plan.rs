//! Plans: the orders of a run and their timing.

use std::time::Duration;

use crate::load::schedule::Schedule;

/// Plan of one run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LoadPlan {
    pub(crate) products: u16,
    pub(crate) warm_up: ClosedLoop,
    pub(crate) load: Load,
}

/// Timing of the orders.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Load {
    Closed(ClosedLoop),
    Open(Schedule),
}

/// Clients that each send the next order when the previous one is accepted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClosedLoop {
    pub(crate) clients: u16,
    pub(crate) in_flight: u32,
    pub(crate) until: LoopEnd,
}

/// End of a closed loop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum LoopEnd {
    Orders(u64),
    Elapsed(Duration),
}

impl LoadPlan {
    /// Replaces the number of clients. No effect on an open loop.
    pub(crate) fn with_clients(mut self, clients: u16) -> Self {
        if let Load::Closed(closed) = &mut self.load {
            closed.clients = clients;
        }
        self
    }
}

impl Load {
    /// Heading in reports.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Closed(ClosedLoop { clients, in_flight, .. }) => {
                format!("closed loop, {clients} clients, at most {in_flight} sagas unfinished")
            }
            Self::Open(schedule) => format!("open loop, {} orders/s", schedule.rate()),
        }
    }

    /// Length in the unit of the progress display: seconds or orders.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Closed(ClosedLoop { until: LoopEnd::Orders(orders), .. }) => *orders,
            Self::Closed(ClosedLoop { until: LoopEnd::Elapsed(time), .. }) => time.as_secs(),
            Self::Open(schedule) => schedule.len(),
        }
    }

    /// Length in seconds, if the progress display counts seconds.
    pub(crate) fn length_in_seconds(&self) -> Option<u64> {
        matches!(self, Self::Closed(ClosedLoop { until: LoopEnd::Elapsed(_), .. })).then(|| self.length())
    }
}
