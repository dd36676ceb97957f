//! Decides batches of inputs, each in one transaction.

mod batch;
mod batch_state;
#[cfg(feature = "benches")]
pub mod benches;
mod disposition;
mod gather;
mod processor;
mod publish_context;
pub(crate) mod snapshot;
mod stream;
mod stream_cache;
#[cfg(test)]
mod tests;

pub(crate) use gather::Gather;
pub(crate) use processor::Processor;
pub(crate) use publish_context::PublishContext;
pub(crate) use stream_cache::StreamCache;
