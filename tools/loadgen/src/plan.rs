//! What is sent, and how.

use std::time::Duration;

use crate::schedule::Schedule;

/// What to send.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) products: u16,
    pub(crate) warm_up: Closed,
    pub(crate) load: Load,
}

/// How it is sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Load {
    Closed(Closed),
    Open(Schedule),
}

/// Clients that each wait for the answer to their last order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Closed {
    pub(crate) clients: u16,
    pub(crate) in_flight: u32,
    pub(crate) until: Until,
}

/// When a closed loop ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Until {
    Orders(u64),
    Elapsed(Duration),
}

impl Plan {
    /// The same by so many clients; an open loop has none.
    pub(crate) fn with_clients(mut self, clients: u16) -> Self {
        if let Load::Closed(closed) = &mut self.load {
            closed.clients = clients;
        }
        self
    }
}

impl Load {
    /// For a heading.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Closed(Closed { clients, in_flight, .. }) => {
                format!("closed loop, {clients} clients, at most {in_flight} sagas unfinished")
            }
            Self::Open(schedule) => format!("open loop, {} orders/s", schedule.rate()),
        }
    }

    /// How long it is in the unit of its progress: seconds, or orders.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Closed(Closed { until: Until::Orders(orders), .. }) => *orders,
            Self::Closed(Closed { until: Until::Elapsed(time), .. }) => time.as_secs(),
            Self::Open(schedule) => schedule.len(),
        }
    }

    /// The same, if the unit is seconds.
    pub(crate) fn length_in_seconds(&self) -> Option<u64> {
        matches!(self, Self::Closed(Closed { until: Until::Elapsed(_), .. })).then(|| self.length())
    }
}
