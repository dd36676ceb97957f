//! Observer of the cost of a load, in its own thread.

use std::ops::Range;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::cost::{Cost, CostMeter, Participants};

/// Interval between two readings of memory.
const INTERVAL: Duration = Duration::from_millis(200);

/// Handle of the thread.
pub(crate) struct CostObserver {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<Result<Cost>>,
}

impl CostObserver {
    /// Observes the processes during `window`, or from now on if it is `None`.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn start(participants: Participants, window: Option<Range<Instant>>) -> Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let observe = move || observe(&participants, window.as_ref(), &stopped);
        let thread = thread::Builder::new().name("cost".into()).spawn(observe).context("failed to start a thread")?;
        Ok(Self { stop, thread })
    }

    /// Ends the observation, unless its time has ended before, and returns the cost.
    ///
    /// # Errors
    /// A process has ended or cannot be observed.
    pub(crate) fn finish(self) -> Result<Cost> {
        drop(self.stop);
        self.thread.join().map_err(|_| anyhow!("the observer of processes panicked"))?
    }
}

fn observe(participants: &Participants, window: Option<&Range<Instant>>, stopped: &mpsc::Receiver<()>) -> Result<Cost> {
    if let Some(window) = window {
        thread::sleep(window.start.saturating_duration_since(Instant::now()));
    }
    let mut meter = CostMeter::begin(participants)?;
    loop {
        meter.sample_memory()?;
        let left = window.map(|window| window.end.saturating_duration_since(Instant::now()));
        let wait = left.unwrap_or(INTERVAL).min(INTERVAL);
        if wait.is_zero() || stopped.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected) {
            return meter.read();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observer_ends_with_its_window() {
        let start = Instant::now() + Duration::from_millis(20);
        let window = start..start + Duration::from_millis(50);
        let observer = CostObserver::start(Participants::this_process_as("order"), Some(window.clone())).unwrap();
        while !observer.thread.is_finished() {
            thread::yield_now();
        }
        assert!(Instant::now() >= window.end);
        let cost = observer.finish().unwrap();
        assert!(cost.memory_of_services.peak_bytes > 0, "{cost:?}");
    }

    #[test]
    fn observer_without_a_window_ends_on_request() {
        let observer = CostObserver::start(Participants::this_process_as("bench"), None).unwrap();
        let cost = observer.finish().unwrap();
        assert_eq!((cost.processes.len(), cost.memory_of_services.peak_bytes), (1, 0));
    }
}
