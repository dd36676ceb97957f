//! Rate-limited log lines about refused records.

use std::time::Duration;

use messaging::DeliveryError;
use store::RecordData;
use tokio::time::Instant;
use tracing::warn;
use uuid::Uuid;

/// Minimum time between two similar log lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// Times of the last log lines.
#[derive(Default)]
pub(crate) struct RefusalLog {
    refused: Option<Instant>,
    kept: Option<Instant>,
}

impl RefusalLog {
    /// Logs that a record or its batch is refused.
    pub(super) fn refused(&mut self, event: &str, error: &DeliveryError) {
        if is_due(&mut self.refused) {
            warn!(%error, event, "failed to publish, sending each record alone");
        }
    }

    /// Logs that a record cannot be sent.
    pub(super) fn kept(&mut self, id: Uuid, record: &RecordData, error: &DeliveryError) {
        if is_due(&mut self.kept) {
            warn!(%error, %id, event = event_name(record), topic = record.topic, "record cannot be sent, keeping it");
        }
    }
}

fn is_due(last: &mut Option<Instant>) -> bool {
    let is_due = last.is_none_or(|last| last.elapsed() >= INTERVAL);
    if is_due {
        *last = Some(Instant::now());
    }
    is_due
}

/// Name of the event in a record, or its topic if it has none.
pub(crate) fn event_name(record: &RecordData) -> String {
    let ce_type = record.headers.iter().find(|(name, _)| name == "ce_type").map(|(_, value)| value);
    let name = ce_type.and_then(|ce_type| std::str::from_utf8(ce_type).ok()?.rsplit('.').next());
    name.unwrap_or(&record.topic).to_owned()
}
