//! Reads of streams for the HTTP API, on any store.

use decider::StreamId;
use futures::{FutureExt as _, future::BoxFuture};
use store::{AsOf, Listing, Page, Store, StoreError, StoredEvent, StoredStream};

/// The part of [`Store`] that reads streams. Unlike `Store` it can be a trait object, so that [`super::App`] does not
/// depend on the type of the store.
pub(crate) trait StreamReader: Send + Sync + 'static {
    fn load(&self, stream: StreamId, as_of: AsOf) -> BoxFuture<'_, Result<StoredStream, StoreError>>;
    fn history(
        &self,
        stream: StreamId,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>>;
    fn list(&self, listing: Listing) -> BoxFuture<'_, Result<Page, StoreError>>;
}

impl<D: Store> StreamReader for D {
    fn load(&self, stream: StreamId, as_of: AsOf) -> BoxFuture<'_, Result<StoredStream, StoreError>> {
        Store::load(self, stream, as_of).boxed()
    }

    fn history(
        &self,
        stream: StreamId,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        Store::history(self, stream, after, limit).boxed()
    }

    fn list(&self, listing: Listing) -> BoxFuture<'_, Result<Page, StoreError>> {
        Store::list(self, listing).boxed()
    }
}
