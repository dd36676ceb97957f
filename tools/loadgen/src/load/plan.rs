//! Plans: the orders of a run and their timing.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::load::schedule::Schedule;

/// Maximum rate of a light load, in orders per second.
const LIGHT_RATE_MAX: f64 = 100.0;

/// Plan of one run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LoadPlan {
    pub(crate) products: u16,
    pub(crate) warm_up: Duration,
    pub(crate) load: Load,
}

/// Timing of the orders.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Load {
    Closed(ClosedLoop),
    Open(Schedule),
}

/// Clients that each wait for the end of their saga before they send the next order, so that this many are in flight.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClosedLoop {
    pub(crate) in_flight: u16,
    pub(crate) until: LoopEnd,
}

/// End of a closed loop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum LoopEnd {
    Orders(u64),
    /// Sagas count if they end in the time `counted`, which begins after `before`.
    Elapsed {
        before: Duration,
        counted: Duration,
    },
}

impl Load {
    /// Returns whether hardly any order waits for another, so that latencies are those of a lone order.
    pub(crate) fn is_light(&self) -> bool {
        match self {
            Self::Closed(ClosedLoop { in_flight, .. }) => *in_flight == 1,
            Self::Open(schedule) => schedule.rate() <= LIGHT_RATE_MAX,
        }
    }

    /// Heading in reports.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Closed(ClosedLoop { in_flight, .. }) => format!("{in_flight} in flight"),
            Self::Open(schedule) => format!("{} orders/s", schedule.rate()),
        }
    }

    /// Length in the unit of the progress display: seconds or orders.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Closed(ClosedLoop { until: LoopEnd::Orders(orders), .. }) => *orders,
            Self::Closed(ClosedLoop { until: LoopEnd::Elapsed { before, counted }, .. }) => {
                (*before + *counted).as_secs()
            }
            Self::Open(schedule) => schedule.len(),
        }
    }

    /// Length in seconds, if the progress display counts seconds.
    pub(crate) fn length_in_seconds(&self) -> Option<u64> {
        matches!(self, Self::Closed(ClosedLoop { until: LoopEnd::Elapsed { .. }, .. })).then(|| self.length())
    }

    /// Time in which an end counts, if the load starts at `started`. Returns `None` if all ends count.
    pub(crate) fn window(&self, started: Instant) -> Option<Range<Instant>> {
        match self {
            Self::Closed(ClosedLoop { until: LoopEnd::Elapsed { before, counted }, .. }) => {
                Some(started + *before..started + *before + *counted)
            }
            _ => None,
        }
    }
}
