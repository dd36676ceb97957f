//! What a service says about itself while it runs.

use std::sync::{Arc, OnceLock};

use messaging::Consumer;
use telemetry::Telemetry;
use web::HealthChecks;

/// The probes of a running service.
pub(crate) struct Readiness {
    pub(crate) consumer: Arc<OnceLock<Consumer>>,
    pub(crate) telemetry: Arc<Telemetry>,
}

impl HealthChecks for Readiness {
    fn not_ready(&self) -> Option<String> {
        match self.consumer.get() {
            None => Some("Kafka's topics are not there yet".to_owned()),
            Some(consumer) if !consumer.is_assigned() => Some("no partitions are assigned yet".to_owned()),
            Some(_) => None,
        }
    }

    fn metrics(&self) -> String {
        self.telemetry.render()
    }
}
