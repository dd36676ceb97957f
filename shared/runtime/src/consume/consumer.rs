//! The consumer behind an interface, so that tests can decorate it.

use std::sync::Arc;

use futures::{FutureExt as _, future::BoxFuture};
use messaging::{Consumer, Offsets};
use tokio::sync::SetOnce;

/// A running consumer: [`messaging::Consumer`], or a decorator of it.
pub trait RecordConsumer: Send + Sync + 'static {
    /// Returns whether partitions are assigned; without a group, whether all partitions of all topics are.
    fn is_assigned(&self) -> bool;
    /// Records of each topic that are still to be read, as of a few seconds ago.
    fn lag(&self) -> Vec<(String, u64)>;
    /// Stores the offsets of committed work. The client commits them in the background.
    fn store_offsets(&self, offsets: &Offsets);
    /// Commits the stored offsets and waits for the broker.
    fn commit(&self);
    /// Stops reading. Records that the processor already received stay with it.
    fn stop(&self) -> BoxFuture<'_, ()>;
}

/// The consumer, once the topics exist and it is started.
pub(crate) type ConsumerSlot = Arc<SetOnce<Box<dyn RecordConsumer>>>;

impl RecordConsumer for Consumer {
    fn is_assigned(&self) -> bool {
        Self::is_assigned(self)
    }

    fn lag(&self) -> Vec<(String, u64)> {
        Self::lag(self)
    }

    fn store_offsets(&self, offsets: &Offsets) {
        Self::store_offsets(self, offsets);
    }

    fn commit(&self) {
        Self::commit(self);
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Self::stop(self).boxed()
    }
}
