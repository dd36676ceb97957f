//! Background work beside the saga: measuring queues and watching topics.

mod gauges;
mod topic_watch;

pub(crate) use gauges::run as measure;
pub(crate) use topic_watch::TopicWatch;
