//! Decides batches of inputs, each in one transaction.

mod batch;
mod batch_state;
#[cfg(feature = "benches")]
pub mod benches;
mod disposition;
mod processor;
mod stream;
mod stream_cache;
#[cfg(test)]
mod tests;

pub(crate) use batch::{Batch, PublishContext};
pub(crate) use processor::Processor;
pub(crate) use stream::rebuild;
pub(crate) use stream_cache::Cache;
