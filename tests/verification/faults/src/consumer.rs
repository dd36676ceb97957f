//! A consumer that crashes around the storing of offsets, or stores them too early.

use std::{sync::Arc, thread};

use futures::future::BoxFuture;
use messaging::{Batch, Consumer, Offsets, Record};
use runtime::RecordConsumer;
use serde::de::IgnoredAny;
use tokio::sync::mpsc;

use crate::{bug::Bug, faults::Faults, point::Point};

pub(crate) struct FaultyConsumer {
    pub(crate) inner: Arc<Consumer>,
    pub(crate) faults: Arc<Faults>,
}

impl RecordConsumer for FaultyConsumer {
    fn is_assigned(&self) -> bool {
        self.inner.is_assigned()
    }

    fn lag(&self) -> Vec<(String, u64)> {
        self.inner.lag()
    }

    fn store_offsets(&self, offsets: &Offsets) {
        self.faults.point(Point::BeforeOffsets, &[]);
        RecordConsumer::store_offsets(&*self.inner, offsets);
        self.faults.point(Point::AfterOffsets, &[]);
    }

    fn commit(&self) {
        self.inner.commit();
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        RecordConsumer::stop(&*self.inner)
    }
}

/// Notes the event of a record. With [`Bug::RetryPoisonForever`], never returns from a malformed one.
pub(crate) fn inspect(faults: &Faults, record: &Record<'_>) {
    faults.note_read(record);
    if faults.has(Bug::RetryPoisonForever) && serde_json::from_slice::<IgnoredAny>(record.payload()).is_err() {
        loop {
            thread::park();
        }
    }
}

/// [`Bug::OffsetsBeforeCommit`]: commits the offsets of each batch before the processor receives it.
pub(crate) async fn forward<T>(
    consumer: Arc<Consumer>,
    mut batches: mpsc::Receiver<Batch<T>>,
    sink: mpsc::Sender<Batch<T>>,
) {
    while let Some(batch) = batches.recv().await {
        RecordConsumer::store_offsets(&*consumer, &batch.offsets);
        consumer.commit();
        if sink.send(batch).await.is_err() {
            return;
        }
    }
}
