//! The consumer. It polls on a separate thread, so that it stays in its group while the async runtime is busy. A batch
//! contains the records that have already arrived.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer as _},
    error::KafkaError,
    types::RDKafkaErrorCode,
};
use tokio::{
    runtime::Handle,
    sync::mpsc::{Sender, error::SendTimeoutError},
};
use tracing::{debug, error, info, warn};

use crate::{
    KafkaConfig,
    client::{Assignment, ConsumerClient, CurrentClient},
    logging::is_unavailable,
    record::{Batch, Offsets, Record},
};

/// Maximum time that one poll waits for a record before the consumer checks for a stop request.
const POLL_TIMEOUT: Duration = Duration::from_millis(100);
/// Time to wait for a full sink before the partitions are paused and polling continues without records.
const SINK_FULL_TIMEOUT: Duration = Duration::from_secs(1);
/// First wait before a failed client is replaced.
const REPLACE_WAIT_MIN: Duration = Duration::from_millis(20);
/// Longest such wait. Two processes configured as the same instance replace each other forever.
const REPLACE_WAIT_MAX: Duration = Duration::from_secs(5);

/// Interval between checks for new partitions, once all topics exist.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(5);
/// The same, while a topic is missing.
const MISSING_TOPIC_INTERVAL: Duration = Duration::from_millis(200);

/// A consumer that runs until it is stopped.
pub struct Consumer {
    client: Arc<CurrentClient>,
    stop: Arc<AtomicBool>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

/// Reads the topics and sends batches of at most `max_batch` records to `sink`, each record converted to a `T` by `read`.
/// A full sink pauses the reading; unread records stay in Kafka.
///
/// # Errors
/// librdkafka rejects the configuration.
pub fn consume<T: Send + 'static>(
    config: &KafkaConfig,
    topics: &[&str],
    max_batch: usize,
    read: impl FnMut(&Record<'_>) -> Option<T> + Send + 'static,
    sink: Sender<Batch<T>>,
) -> Result<Consumer, KafkaError> {
    let client = CurrentClient::new(config, topics, Assignment::Group)?;
    Ok(start(config, client, max_batch, read, sink))
}

/// Like [`consume`], but reads all partitions without a group, and commits nothing. Starts at `positions`, and where there
/// are none at the beginning. Finds topics and partitions that are created later.
///
/// # Errors
/// librdkafka rejects the configuration.
pub fn consume_all<T: Send + 'static>(
    config: &KafkaConfig,
    topics: &[&str],
    positions: Offsets,
    max_batch: usize,
    read: impl FnMut(&Record<'_>) -> Option<T> + Send + 'static,
    sink: Sender<Batch<T>>,
) -> Result<Consumer, KafkaError> {
    let client = CurrentClient::new(config, topics, Assignment::All(positions))?;
    Ok(start(config, client, max_batch, read, sink))
}

fn start<T: Send + 'static>(
    config: &KafkaConfig,
    client: CurrentClient,
    max_batch: usize,
    read: impl FnMut(&Record<'_>) -> Option<T> + Send + 'static,
    sink: Sender<Batch<T>>,
) -> Consumer {
    let client = Arc::new(client);
    let stop = Arc::new(AtomicBool::new(false));
    let poller = Poller {
        client: client.get(),
        current: Arc::clone(&client),
        stop: Arc::clone(&stop),
        config: config.clone(),
        runtime: Handle::current(),
        read,
        sink,
        max_batch,
        fatal: None,
        backoff: backoff(),
        next_discovery: Instant::now(),
    };
    let thread = thread::Builder::new().name("kafka-consumer".into()).spawn(|| poller.run());
    Consumer { client, stop, thread: Mutex::new(Some(thread.expect("a thread can be started"))) }
}

impl Consumer {
    /// Returns whether the group has assigned partitions to this consumer. Without a group: whether all topics exist and all
    /// their partitions are assigned.
    pub fn is_assigned(&self) -> bool {
        self.client.get().context().assigned.load(Ordering::Relaxed)
    }

    /// Unread records by topic, as of a few seconds ago.
    pub fn lag(&self) -> Vec<(String, u64)> {
        self.client.get().context().lag.lock().expect("no holder of the lock panics").clone()
    }

    /// Marks the records before these offsets as processed, so that Kafka does not redeliver them.
    pub fn store_offsets(&self, offsets: &Offsets) {
        let mut list = TopicPartitionList::with_capacity(offsets.0.len());
        for (topic, partition, next) in &offsets.0 {
            if let Err(error) = list.add_partition_offset(topic, *partition, Offset::Offset(*next)) {
                warn!(%error, topic, partition, "failed to store offset");
            }
        }
        if let Err(error) = self.client.get().store_offsets(&list) {
            // The partition moved to another instance, or to a new client of this one, which reads these records again.
            debug!(%error, "offsets not stored");
        }
    }

    /// Stops reading and waits for the thread. Batches that were sent stay in the sink.
    pub async fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.lock().expect("no holder of the lock panics").take();
        if let Some(thread) = thread
            && tokio::task::spawn_blocking(move || thread.join()).await.is_err()
        {
            warn!("consumer thread panicked");
        }
    }

    /// Commits the stored offsets. Needed at shutdown only: while running, this happens in the background. Without a group
    /// nothing is committed.
    pub fn commit(&self) {
        if !self.client.is_in_group() {
            return;
        }
        if let Err(error) = self.client.get().commit_consumer_state(CommitMode::Sync)
            && error.rdkafka_error_code() != Some(RDKafkaErrorCode::NoOffset)
        {
            warn!(%error, "failed to commit offsets, some records will be redelivered");
        }
    }
}

struct Poller<T, F> {
    client: Arc<ConsumerClient>,
    current: Arc<CurrentClient>,
    stop: Arc<AtomicBool>,
    config: KafkaConfig,
    runtime: Handle,
    read: F,
    sink: Sender<Batch<T>>,
    max_batch: usize,
    /// The error after which the client must be replaced.
    fatal: Option<KafkaError>,
    /// Waits before client replacements; restarts with every record received.
    backoff: ExponentialBackoff,
    /// Next look for new partitions, without a group.
    next_discovery: Instant,
}

impl<T: Send + 'static, F: FnMut(&Record<'_>) -> Option<T>> Poller<T, F> {
    fn run(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            if let Some(error) = self.fatal.take() {
                self.replace_client(&error);
                continue;
            }
            self.discover_partitions();
            let mut batch = Batch { items: Vec::new(), offsets: Offsets::default() };
            if !self.poll_into(&mut batch, POLL_TIMEOUT) {
                self.drive_group_join();
                continue;
            }
            self.backoff = backoff();
            let mut records = 1;
            while records < self.max_batch && self.poll_into(&mut batch, Duration::ZERO) {
                records += 1;
            }
            if !self.send(batch) {
                return;
            }
        }
    }

    /// Adds the next record to the batch. Returns `false` if there is none.
    fn poll_into(&mut self, batch: &mut Batch<T>, wait: Duration) -> bool {
        match self.client.poll(wait) {
            Some(Ok(message)) => {
                let record = Record::of(&message, self.config.own_name(message.topic()));
                let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
                if let Ok(item) = catch_unwind(AssertUnwindSafe(|| (self.read)(&record))) {
                    batch.items.extend(item);
                } else {
                    error!(topic, partition, offset, "panic while reading a record, skipping it");
                }
                batch.offsets.advance(&message);
                true
            }
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                self.fatal = Some(error);
                false
            }
            // The client's context has logged it.
            Some(Err(error)) if is_unavailable(&error) => false,
            Some(Err(error)) => {
                warn!(%error, "failed to read records, librdkafka retries");
                false
            }
            None => false,
        }
    }

    /// Looks for new partitions from time to time, if the consumer has no group that does it.
    fn discover_partitions(&mut self) {
        if self.current.is_in_group() || Instant::now() < self.next_discovery {
            return;
        }
        let wait = match self.current.assign_new_partitions(&self.client) {
            Ok(true) => DISCOVERY_INTERVAL,
            Ok(false) => MISSING_TOPIC_INTERVAL,
            Err(error) => {
                if !is_unavailable(&error) {
                    warn!(%error, "failed to look for partitions, retrying");
                }
                MISSING_TOPIC_INTERVAL
            }
        };
        self.next_discovery = Instant::now() + wait;
    }

    /// Speeds up joining the group. Until it has partitions, a client continues its join only once a second, and the first
    /// group of a broker needs three such steps. Any request to the client, such as this query, continues the join too.
    fn drive_group_join(&self) {
        if self.current.is_in_group()
            && !self.client.context().assigned.load(Ordering::Relaxed)
            && let Err(error) = self.client.subscription()
        {
            debug!(%error, "failed to query the subscription");
        }
    }

    /// Replaces the client. The new one reads unprocessed records again.
    fn replace_client(&mut self, error: &KafkaError) {
        let wait = self.backoff.next().unwrap_or(REPLACE_WAIT_MAX);
        warn!(%error, wait_ms = wait.as_millis(), "consumer failed, replacing it");
        thread::sleep(wait);
        match self.current.replace() {
            Ok(client) => {
                self.client = client;
                self.next_discovery = Instant::now();
            }
            Err(error) => self.fatal = Some(error),
        }
    }

    /// Sends the batch to the sink. Returns `false` if the sink is closed or the consumer was stopped.
    fn send(&mut self, mut batch: Batch<T>) -> bool {
        let mut paused = false;
        loop {
            match self.runtime.block_on(self.sink.send_timeout(batch, SINK_FULL_TIMEOUT)) {
                Ok(()) => break,
                Err(SendTimeoutError::Closed(_)) => return false,
                Err(SendTimeoutError::Timeout(_)) if self.stop.load(Ordering::Relaxed) => return false,
                Err(SendTimeoutError::Timeout(unsent)) => {
                    batch = unsent;
                    if !paused {
                        info!("sink full, pausing consumption");
                        self.set_paused(true);
                        paused = true;
                    }
                    // Polling keeps the group membership. Records that were already fetched join the batch.
                    self.poll_into(&mut batch, Duration::ZERO);
                }
            }
        }
        if paused {
            info!("sink drained, resuming consumption");
            self.set_paused(false);
        }
        true
    }

    fn set_paused(&self, paused: bool) {
        let partitions = self.client.assignment();
        let changed =
            partitions.and_then(
                |partitions| {
                    if paused { self.client.pause(&partitions) } else { self.client.resume(&partitions) }
                },
            );
        if let Err(error) = changed {
            warn!(%error, paused, "failed to pause or resume partitions");
        }
    }
}

fn backoff() -> ExponentialBackoff {
    let builder = ExponentialBuilder::default().with_min_delay(REPLACE_WAIT_MIN).with_max_delay(REPLACE_WAIT_MAX);
    builder.with_jitter().without_max_times().build()
}
