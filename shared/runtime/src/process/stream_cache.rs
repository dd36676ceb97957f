//! Recently used streams. A transaction loads only what is new in them: nothing, unless another instance wrote to them.
//! For a hot stream, such as the stock of a product, this saves most of the work.

use std::num::NonZeroUsize;

use decider::{Service, StreamId};
use lru::LruCache;

use crate::process::stream::Stream;

/// Capacity. A new stream replaces the least recently used one.
const STREAMS_MAX: NonZeroUsize = NonZeroUsize::new(8192).expect("not zero");

/// Streams as of the end of some transaction.
pub(crate) struct StreamCache<S: Service>(LruCache<StreamId, Box<Stream<S>>>);

impl<S: Service> Default for StreamCache<S> {
    fn default() -> Self {
        Self(LruCache::new(STREAMS_MAX))
    }
}

impl<S: Service> StreamCache<S> {
    /// The cached version of a stream, or 0.
    pub(super) fn version(&self, stream: &StreamId) -> u64 {
        self.0.peek(stream).map_or(0, |stream| stream.stored_version)
    }

    /// Takes a stream out for a transaction that may change it. If the transaction fails, no wrong state stays here.
    pub(super) fn take(&mut self, stream: &StreamId) -> Option<Box<Stream<S>>> {
        self.0.pop(stream)
    }

    /// Keeps a stream as it was committed.
    pub(super) fn keep(&mut self, id: StreamId, stream: Box<Stream<S>>) {
        self.0.put(id, stream);
    }
}
