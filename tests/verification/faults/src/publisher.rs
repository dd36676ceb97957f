//! A producer that crashes around the sending of an event, or sends it wrongly.

use std::sync::Arc;

use bytes::Bytes;
use messaging::{Acknowledged, DeliveryError, KafkaError, Outgoing, Producer, SendError};
use runtime::Publisher;

use crate::{
    bug::Bug,
    events::{event_of, header},
    faults::Faults,
    point::Point,
};

const TRACE_HEADERS: [&str; 2] = ["traceparent", "tracestate"];

pub(crate) struct FaultyPublisher {
    pub(crate) inner: Producer,
    pub(crate) faults: Arc<Faults>,
}

impl FaultyPublisher {
    fn send_altered(&self, record: Outgoing<'_>, id: &[u8]) -> Result<messaging::Delivery, SendError> {
        let has_trace = |(name, _): &&(String, Bytes)| TRACE_HEADERS.contains(&name.as_str());
        let untraced: Vec<_>;
        let mut record = record;
        if self.faults.has(Bug::LoseTrace) {
            untraced = record.headers.iter().filter(|header| !has_trace(header)).cloned().collect();
            record.headers = &untraced;
        }
        if self.faults.has(Bug::WrongKey) {
            record.key = Some(id);
        }
        self.inner.send(record)
    }
}

impl Publisher for FaultyPublisher {
    fn send(
        &self,
        record: Outgoing<'_>,
    ) -> Result<impl Future<Output = Result<Acknowledged, DeliveryError>> + Send + use<>, SendError> {
        let events: Vec<_> = event_of(record.headers).into_iter().collect();
        let id = header(record.headers, "ce_id").unwrap_or_default().to_owned();
        let faults = Arc::clone(&self.faults);
        faults.point(Point::BeforePublish, &events);
        let delivery = if faults.has(Bug::SkipUnsent) && faults.has_failed(&id) {
            None
        } else {
            let sent = self.send_altered(record, &id);
            if matches!(sent, Err(SendError::Kafka(_))) {
                faults.note_failed(&id);
            }
            Some(sent?)
        };
        Ok(async move {
            let result = match delivery {
                Some(delivery) if !faults.has(Bug::MarkBeforeAck) => delivery.acknowledged().await,
                _ => Ok(faults.pretend_acknowledged()),
            };
            if result.is_ok() {
                faults.point(Point::AfterPublish, &events);
            } else {
                faults.note_failed(&id);
            }
            result
        })
    }

    fn rebuild(&mut self) -> Result<(), KafkaError> {
        self.inner.rebuild()
    }
}
