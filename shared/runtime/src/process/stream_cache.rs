//! What is known of streams that were worked on lately. A transaction asks the store only for what is new in them, which is
//! nothing unless another instance wrote it; and for a hot stream, such as a product's stock, that saves most of the work.

use std::num::NonZeroUsize;

use decider::{Service, StreamId};
use lru::LruCache;

use super::stream::Stream;

/// Streams that are remembered; the one that was longest not used is forgotten for a new one.
const STREAMS_MAX: NonZeroUsize = NonZeroUsize::new(8192).expect("not zero");

/// Streams as they were at the end of some transaction.
pub(crate) struct Cache<S: Service>(LruCache<StreamId, Box<Stream<S>>>);

impl<S: Service> Default for Cache<S> {
    fn default() -> Self {
        Self(LruCache::new(STREAMS_MAX))
    }
}

impl<S: Service> Cache<S> {
    /// The version that is known of a stream; 0: none.
    pub(super) fn version(&self, stream: &StreamId) -> u64 {
        self.0.peek(stream).map_or(0, |stream| stream.version())
    }

    /// Takes a stream out, for a transaction that may change it. If that fails, nothing wrong is left here.
    pub(super) fn take(&mut self, stream: &StreamId) -> Option<Box<Stream<S>>> {
        self.0.pop(stream)
    }

    /// Keeps a stream as it was committed.
    pub(super) fn keep(&mut self, id: StreamId, stream: Box<Stream<S>>) {
        self.0.put(id, stream);
    }
}
