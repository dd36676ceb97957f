//! The store as the HTTP API uses it, on any backend.

use decider::{Service, StreamId};
use futures::{FutureExt as _, future::BoxFuture};
use store::{AsOf, Listing, LogPage, Page, Store, StoreError, StoredEvent, StoredStream};

use crate::{
    http::error::AppError,
    process::snapshot::{RebuildError, fold, rebuild, warn_of_unreadable},
};

/// Events per read when a state is rebuilt from all of them.
const HISTORY_PAGE: usize = 1_000;

/// The part of [`Store`] that the HTTP API uses. Unlike `Store` it can be a trait object, so that [`super::App`] does not
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
    fn tail(&self, after: i64, limit: usize) -> BoxFuture<'_, Result<LogPage, StoreError>>;
    fn republish_dead_letters(&self) -> BoxFuture<'_, Result<(), StoreError>>;
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

    fn tail(&self, after: i64, limit: usize) -> BoxFuture<'_, Result<LogPage, StoreError>> {
        Store::tail(self, after, limit).boxed()
    }

    fn republish_dead_letters(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Store::republish_dead_letters(self).boxed()
    }
}

/// State and version of a stream at a point; version 0 if the stream did not exist then. Ignores an unreadable snapshot, and
/// reads all events instead.
///
/// # Errors
/// The store fails, or this build cannot read an event.
pub(crate) async fn load_state<S: Service>(
    store: &dyn StreamReader,
    stream: &StreamId,
    as_of: AsOf,
) -> Result<(S::State, u64), AppError> {
    let stored = store.load(stream.clone(), as_of).await?;
    let version = stored.version;
    match rebuild::<S>(&stored) {
        Ok(state) => return Ok((state, version)),
        Err(RebuildError::Log(error)) => return Err(error.into()),
        Err(RebuildError::Snapshot) => warn_of_unreadable(stream),
    }
    let (mut state, mut read) = (S::initial(), 0);
    while read < version {
        let page = usize::try_from(version - read).unwrap_or(usize::MAX).min(HISTORY_PAGE);
        let events = store.history(stream.clone(), read, page).await?;
        let Some(last) = events.last() else { break };
        read = last.version;
        state = fold::<S>(state, &events)?;
    }
    Ok((state, read))
}
