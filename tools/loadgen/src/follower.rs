//! A thread that reads topics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::consumer::BaseConsumer;
use rdkafka::message::BorrowedMessage;

/// How soon it is noticed that reading shall end.
const POLL: Duration = Duration::from_millis(100);

/// The thread. Dropped, it ends.
pub(crate) struct Follower {
    reading: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Gives every record to `take`, as soon as it comes.
    ///
    /// # Errors
    /// There can't be one more thread.
    pub(crate) fn start(
        name: &str,
        consumer: BaseConsumer,
        take: impl Fn(&BorrowedMessage<'_>) + Send + 'static,
    ) -> Result<Self> {
        let reading = Arc::new(AtomicBool::new(true));
        let flag = Arc::clone(&reading);
        let read = move || {
            while flag.load(Ordering::Relaxed) {
                // An error is about the connection. The client mends it, or orders are missing at the end, which is told then.
                if let Some(Ok(message)) = consumer.poll(POLL) {
                    take(&message);
                }
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(read).context("cannot start a thread")?;
        Ok(Self { reading, thread: Some(thread) })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.reading.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
