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

impl ClosedLoop {
    /// Time from the start of the load until the client with this number sends its first order. Clients start one after
    /// the other in half of the time before the counted one: at once, they would proceed in waves.
    pub(crate) fn starts_after(&self, client: u16) -> Duration {
        match self.until {
            LoopEnd::Orders(_) => Duration::ZERO,
            LoopEnd::Elapsed { before, .. } => before / 2 * u32::from(client) / u32::from(self.in_flight),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(in_flight: u16, until: LoopEnd) -> ClosedLoop {
        ClosedLoop { in_flight, until }
    }

    fn elapsed(before: u64, counted: u64) -> LoopEnd {
        LoopEnd::Elapsed { before: Duration::from_secs(before), counted: Duration::from_secs(counted) }
    }

    #[test]
    fn clients_start_before_half_of_the_warm_up() {
        let load = closed(4, elapsed(4, 1));
        let starts = [0, 1, 2, 3].map(|client| load.starts_after(client).as_millis());
        assert_eq!(starts, [0, 500, 1_000, 1_500]);
        assert_eq!(closed(4, LoopEnd::Orders(9)).starts_after(3), Duration::ZERO);
    }

    #[test]
    fn window_follows_the_warm_up() {
        let started = Instant::now();
        let window = Load::Closed(closed(4, elapsed(4, 1))).window(started);
        assert_eq!(window, Some(started + Duration::from_secs(4)..started + Duration::from_secs(5)));
        assert_eq!(Load::Open(Schedule::new(20.0, 60)).window(started), None);
    }

    #[test]
    fn load_is_light_when_no_order_waits_for_another() {
        let lights = [1, 2].map(|in_flight| Load::Closed(closed(in_flight, elapsed(0, 1))).is_light());
        assert_eq!(lights, [true, false]);
        assert_eq!([20.0, 200.0].map(|rate| Load::Open(Schedule::new(rate, 60)).is_light()), [true, false]);
    }
}
