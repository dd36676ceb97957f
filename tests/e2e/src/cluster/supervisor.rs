//! Restarting of services that end, like a supervisor in production.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use catalog::ServiceName;

use super::TestCluster;

/// Interval between checks of the processes.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

impl TestCluster {
    /// Runs `work` and meanwhile restarts services that end. Returns the number of restarts.
    pub fn with_supervisor(&self, work: impl FnOnce()) -> usize {
        let is_active = AtomicBool::new(true);
        thread::scope(|scope| {
            let supervisor = scope.spawn(|| self.restart_while(&is_active));
            // Stops the supervisor even if the work panics.
            let guard = ClearOnDrop(&is_active);
            work();
            drop(guard);
            supervisor.join().expect("the supervisor does not panic")
        })
    }

    fn restart_while(&self, is_active: &AtomicBool) -> usize {
        let mut restarts = 0;
        while is_active.load(Ordering::Relaxed) {
            for service in ServiceName::all() {
                if !self.is_running(service) {
                    self.spawn(service);
                    restarts += 1;
                }
            }
            thread::sleep(CHECK_INTERVAL);
        }
        restarts
    }
}

/// Clears a flag when dropped.
struct ClearOnDrop<'f>(&'f AtomicBool);

impl Drop for ClearOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
