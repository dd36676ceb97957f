//! Background work beside the saga: cleaning the inbox and measuring queues.

mod gauges;
mod inbox_cleaner;

pub(crate) use gauges::run as measure;
pub(crate) use inbox_cleaner::InboxCleaner;
