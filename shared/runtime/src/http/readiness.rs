//! Readiness and metrics of a running service.

use std::sync::{Arc, Mutex};

use store::{NewUnsent, Unsent, UnsentSummary};
use telemetry::Telemetry;
use web::HealthChecks;

use crate::{consume::ConsumerSlot, publish::event_name};

/// Unsent records, as measured last. They do not keep the service from working.
#[derive(Clone, Default)]
pub(crate) struct Notice(Arc<Mutex<UnsentSummary>>);

impl Notice {
    pub(crate) fn set(&self, unsent: UnsentSummary) {
        *self.0.lock().expect("no panic while locked") = unsent;
    }

    fn text(&self) -> Option<String> {
        let UnsentSummary { count, oldest } = &*self.0.lock().expect("no panic while locked");
        let Unsent { unsent: NewUnsent { id, record, error, .. }, .. } = oldest.as_ref()?;
        let (event, topic) = (event_name(record), &record.topic);
        Some(format!("{count} unsent; the oldest is {event} {id} for {topic}: {error}"))
    }
}

pub(crate) struct Readiness {
    pub(crate) consumer: ConsumerSlot,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) notice: Notice,
}

impl HealthChecks for Readiness {
    fn not_ready(&self) -> Option<String> {
        match self.consumer.get() {
            None => Some("the topics do not exist yet".to_owned()),
            Some(consumer) if !consumer.is_assigned() => Some("no partitions assigned yet".to_owned()),
            Some(_) => None,
        }
    }

    fn notice(&self) -> Option<String> {
        self.notice.text()
    }

    fn metrics(&self) -> String {
        self.telemetry.render()
    }
}
