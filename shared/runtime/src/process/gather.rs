//! A short delay in which inputs gather before a transaction. It applies only under load, when the cost of a transaction (a
//! commit, a request to the broker, and a fetch of every consumer) exceeds the cost of its content.

use std::time::{Duration, Instant};

/// Mean number of inputs per transaction from which on transactions are delayed. With fewer, hardly any input would join,
/// and a lone saga would wait for nothing in each of its steps.
const BUSY_MIN: f64 = 3.0;
/// Weight of the latest transaction in the mean.
const WEIGHT: f64 = 0.125;
/// Minimum time between the starts of two transactions of a busy service.
const INTERVAL: Duration = Duration::from_millis(3);

/// Detects a busy service by the size of its transactions, and spaces them.
pub(crate) struct Gather {
    mean_inputs: f64,
    /// Start of the latest transaction.
    started: Instant,
}

impl Gather {
    pub(crate) fn new() -> Self {
        Self { mean_inputs: 1.0, started: Instant::now() }
    }

    /// Notes the start of a transaction with this number of inputs.
    pub(crate) fn start(&mut self, inputs: usize) {
        let inputs = f64::from(u32::try_from(inputs).unwrap_or(u32::MAX));
        self.mean_inputs += WEIGHT * (inputs - self.mean_inputs);
        self.started = Instant::now();
    }

    /// The time for which inputs gather before the next transaction, or `None` if the service is not busy.
    pub(crate) fn delay(&self) -> Option<Duration> {
        if self.mean_inputs < BUSY_MIN { None } else { INTERVAL.checked_sub(self.started.elapsed()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_gather_when_transactions_have_several() {
        let mut gather = Gather::new();
        for _ in 0..100 {
            gather.start(1);
            assert_eq!(gather.delay(), None);
        }
        for _ in 0..100 {
            gather.start(50);
        }
        assert!(gather.delay().is_some_and(|delay| delay <= INTERVAL));
        for _ in 0..100 {
            gather.start(1);
        }
        assert_eq!(gather.delay(), None, "the load is over");
    }
}
