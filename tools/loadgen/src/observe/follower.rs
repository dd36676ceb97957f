//! Thread that reads topics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::consumer::BaseConsumer;
use rdkafka::message::BorrowedMessage;

/// Maximum time of one poll, and thus the maximum delay before the thread ends.
const POLL_TIMEOUT: Duration = Duration::from_millis(100);

/// Handle of the thread. The thread ends when the handle is dropped.
pub(crate) struct TopicFollower {
    reading: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TopicFollower {
    /// Passes every record to `take` without delay.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn start(
        name: &str,
        consumer: BaseConsumer,
        take: impl Fn(&BorrowedMessage<'_>) + Send + 'static,
    ) -> Result<Self> {
        let reading = Arc::new(AtomicBool::new(true));
        let flag = Arc::clone(&reading);
        let read = move || {
            while flag.load(Ordering::Relaxed) {
                // Errors concern the connection. The client recovers; otherwise orders are missing at the end, which
                // the report shows.
                if let Some(Ok(message)) = consumer.poll(POLL_TIMEOUT) {
                    take(&message);
                }
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(read).context("failed to start a thread")?;
        Ok(Self { reading, thread: Some(thread) })
    }
}

impl Drop for TopicFollower {
    fn drop(&mut self) {
        self.reading.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
