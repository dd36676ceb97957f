//! The saga from end to end, in one suite that all tests here share: each test adds its own products, and none stops a
//! service. Tests that need their own suite are in `faults`.

mod cancellation;
mod compensation;
mod http;
mod success;
mod tombstones;
mod unknown_events;
mod versions;

use std::sync::OnceLock;

use e2e::TestCluster;

/// The shared suite. A static is never dropped; xtask's reaper stops the services when this process ends.
#[track_caller]
fn cluster() -> &'static TestCluster {
    static CLUSTER: OnceLock<TestCluster> = OnceLock::new();
    CLUSTER.get_or_init(TestCluster::launch)
}
