//! Readiness and metrics of a running service.

use std::sync::Arc;

use telemetry::Telemetry;
use web::HealthChecks;

use crate::consume::ConsumerSlot;

pub(crate) struct Readiness {
    pub(crate) consumer: ConsumerSlot,
    pub(crate) telemetry: Arc<Telemetry>,
}

impl HealthChecks for Readiness {
    fn not_ready(&self) -> Option<String> {
        match self.consumer.get() {
            None => Some("the topics do not exist yet".to_owned()),
            Some(consumer) if !consumer.is_assigned() => Some("no partitions assigned yet".to_owned()),
            Some(_) => None,
        }
    }

    fn metrics(&self) -> String {
        self.telemetry.render()
    }
}
