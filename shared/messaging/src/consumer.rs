//! Records in. A thread of its own polls, so that a busy runtime never costs the group membership, and a batch is
//! whatever had arrived.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rdkafka::{
    ClientContext, Message, Offset, Statistics, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance},
    error::KafkaError,
    message::{BorrowedMessage, Headers as _},
    statistics,
    types::RDKafkaErrorCode,
};
use tokio::{
    runtime::Handle,
    sync::{
        mpsc::{Sender, error::SendTimeoutError},
        watch,
    },
};
use tracing::{debug, error, info, warn};

use crate::KafkaConfig;

/// How long a poll waits for a record before it looks whether to stop.
const POLL: Duration = Duration::from_millis(100);
/// How long a full sink may take before the partitions are paused and polling goes on without records.
const PATIENCE: Duration = Duration::from_secs(1);

/// A record, borrowed from the client's own memory.
pub struct Record<'a> {
    message: &'a BorrowedMessage<'a>,
    topic: &'a str,
}

impl<'a> Record<'a> {
    /// The topic's own name.
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    /// Its partition.
    pub fn partition(&self) -> i32 {
        self.message.partition()
    }

    /// Its place in the partition.
    pub fn offset(&self) -> i64 {
        self.message.offset()
    }

    /// When the producer made it, in milliseconds since 1970, if it says so.
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.message.timestamp().to_millis()
    }

    /// Its key.
    pub fn key(&self) -> Option<&'a [u8]> {
        self.message.key()
    }

    /// Its value; empty for a tombstone.
    pub fn payload(&self) -> &'a [u8] {
        self.message.payload().unwrap_or_default()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All headers, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let headers = self.message.headers();
        headers.into_iter().flat_map(|headers| headers.iter()).map(|header| (header.key, header.value.unwrap_or(&[])))
    }
}

/// What had arrived.
#[derive(Debug)]
pub struct Batch<T> {
    /// What the records were made into; records made into nothing are left out.
    pub items: Vec<T>,
    /// What is done once all of them are.
    pub offsets: Offsets,
}

/// The next offset of every partition in a batch.
#[derive(Debug, Default)]
pub struct Offsets(Vec<(String, i32, i64)>);

impl Offsets {
    fn advance(&mut self, message: &BorrowedMessage<'_>) {
        let (next, partition) = (message.offset() + 1, message.partition());
        let known = self.0.iter_mut().find(|known| known.1 == partition && known.0 == message.topic());
        match known {
            Some(known) => known.2 = next,
            None => self.0.push((message.topic().to_owned(), partition, next)),
        }
    }
}

/// A consumer that runs until it is stopped.
pub struct Consumer {
    client: Arc<BaseConsumer<Context>>,
    stop: Arc<AtomicBool>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
    failed: watch::Receiver<Option<KafkaError>>,
}

/// Reads the topics and gives `sink` batches of at most `max_batch` records, each made into a `T` by `read`. A full sink
/// holds the reading up; what is not read stays in Kafka.
///
/// # Errors
/// The configuration is not one that librdkafka takes.
pub fn consume<T: Send + 'static>(
    config: &KafkaConfig,
    topics: &[&str],
    max_batch: usize,
    read: impl FnMut(&Record<'_>) -> Option<T> + Send + 'static,
    sink: Sender<Batch<T>>,
) -> Result<Consumer, KafkaError> {
    let mut client = config.consumer();
    client.set_log_level(RDKafkaLogLevel::Warning);
    let client: BaseConsumer<Context> =
        client.create_with_context(Context { prefix: config.prefix.clone(), ..Context::default() })?;
    let names: Vec<_> = topics.iter().map(|name| config.topic(name)).collect();
    client.subscribe(&names.iter().map(String::as_str).collect::<Vec<_>>())?;

    let client = Arc::new(client);
    let stop = Arc::new(AtomicBool::new(false));
    let (fail, failed) = watch::channel(None);
    let pump = Pump {
        fail,
        client: Arc::clone(&client),
        stop: Arc::clone(&stop),
        config: config.clone(),
        runtime: Handle::current(),
        read,
        sink,
        max_batch,
    };
    let thread = thread::Builder::new().name("kafka-consumer".into()).spawn(|| pump.run());
    Ok(Consumer { client, stop, thread: Mutex::new(Some(thread.expect("a thread can be started"))), failed })
}

impl Consumer {
    /// Whether the group gave this consumer its partitions.
    pub fn is_assigned(&self) -> bool {
        self.client.context().assigned.load(Ordering::Relaxed)
    }

    /// How many records of each topic this consumer has yet to read, as of a few seconds ago.
    pub fn lag(&self) -> Vec<(String, u64)> {
        self.client.context().lag.lock().expect("nobody panics while holding it").clone()
    }

    /// Ends when the consumer can't go on, as when another one took its place in the group: only a new one can.
    pub async fn failed(&self) -> KafkaError {
        let mut failed = self.failed.clone();
        let error = failed.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
        match error {
            Some(error) => error,
            // It was stopped.
            None => std::future::pending().await,
        }
    }

    /// The work that these offsets stand for is committed: don't deliver it again.
    pub fn done(&self, offsets: &Offsets) {
        let mut list = TopicPartitionList::with_capacity(offsets.0.len());
        for (topic, partition, next) in &offsets.0 {
            if let Err(error) = list.add_partition_offset(topic, *partition, Offset::Offset(*next)) {
                warn!(%error, topic, partition, "offset can't be stored");
            }
        }
        if let Err(error) = self.client.store_offsets(&list) {
            // The partition went to another replica, which will read these records again.
            debug!(%error, "offsets are not stored");
        }
    }

    /// Stops reading and waits for the thread; what was given to the sink stays there.
    pub async fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.lock().expect("nobody panics while holding it").take();
        if let Some(thread) = thread
            && tokio::task::spawn_blocking(move || thread.join()).await.is_err()
        {
            warn!("the consumer's thread had panicked");
        }
    }

    /// Tells the broker what is done. For the end: while running, this happens in the background.
    pub fn commit(&self) {
        if let Err(error) = self.client.commit_consumer_state(CommitMode::Sync)
            && error.rdkafka_error_code() != Some(RDKafkaErrorCode::NoOffset)
        {
            warn!(%error, "offsets are not committed: some records will be delivered again");
        }
    }
}

struct Pump<T, F> {
    fail: watch::Sender<Option<KafkaError>>,
    client: Arc<BaseConsumer<Context>>,
    stop: Arc<AtomicBool>,
    config: KafkaConfig,
    runtime: Handle,
    read: F,
    sink: Sender<Batch<T>>,
    max_batch: usize,
}

impl<T: Send + 'static, F: FnMut(&Record<'_>) -> Option<T>> Pump<T, F> {
    fn run(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            let mut batch = Batch { items: Vec::new(), offsets: Offsets::default() };
            if !self.poll_into(&mut batch, POLL) {
                continue;
            }
            let mut records = 1;
            while records < self.max_batch && self.poll_into(&mut batch, Duration::ZERO) {
                records += 1;
            }
            if !self.give(batch) {
                return;
            }
        }
    }

    /// Adds the next record; false when there is none.
    fn poll_into(&mut self, batch: &mut Batch<T>, wait: Duration) -> bool {
        match self.client.poll(wait) {
            Some(Ok(message)) => {
                let record = Record { message: &message, topic: self.config.own_name(message.topic()) };
                let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
                // The client itself panics at a header whose name is no text: such a record can't even be copied.
                if let Ok(item) = catch_unwind(AssertUnwindSafe(|| (self.read)(&record))) {
                    batch.items.extend(item);
                } else {
                    error!(topic, partition, offset, "this record can't be read; it stays in its topic");
                }
                batch.offsets.advance(&message);
                true
            }
            Some(Err(error)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) => {
                self.stop.store(true, Ordering::Relaxed);
                self.fail.send_replace(Some(error));
                false
            }
            Some(Err(error)) => {
                warn!(%error, "reading failed; the client tries again");
                false
            }
            None => false,
        }
    }

    /// False when nobody wants batches any more.
    fn give(&mut self, mut batch: Batch<T>) -> bool {
        let mut paused = false;
        loop {
            match self.runtime.block_on(self.sink.send_timeout(batch, PATIENCE)) {
                Ok(()) => break,
                Err(SendTimeoutError::Closed(_)) => return false,
                Err(SendTimeoutError::Timeout(_)) if self.stop.load(Ordering::Relaxed) => return false,
                Err(SendTimeoutError::Timeout(unsent)) => {
                    batch = unsent;
                    if !paused {
                        info!("the work is held up: reading pauses");
                        self.set_paused(true);
                        paused = true;
                    }
                    // Polling keeps the group membership; records that were on their way already join the batch.
                    self.poll_into(&mut batch, Duration::ZERO);
                }
            }
        }
        if paused {
            info!("the work goes on: reading resumes");
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
            warn!(%error, paused, "partitions could not be paused or resumed");
        }
    }
}

#[derive(Default)]
struct Context {
    prefix: String,
    assigned: AtomicBool,
    lag: Mutex<Vec<(String, u64)>>,
}

impl ClientContext for Context {
    fn stats(&self, statistics: Statistics) {
        let of_topic = |(name, topic): (String, statistics::Topic)| {
            // Partitions of other replicas, and those that nothing was read from yet, have a lag of -1.
            let lag =
                topic.partitions.values().map(|partition| u64::try_from(partition.consumer_lag).unwrap_or(0)).sum();
            (name.strip_prefix(&self.prefix).unwrap_or(&name).to_owned(), lag)
        };
        *self.lag.lock().expect("nobody panics while holding it") =
            statistics.topics.into_iter().map(of_topic).collect();
    }
}

impl ConsumerContext for Context {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) => {
                self.assigned.store(true, Ordering::Relaxed);
                info!(partitions = partitions.count(), "partitions assigned");
            }
            Rebalance::Revoke(partitions) => info!(partitions = partitions.count(), "partitions revoked"),
            Rebalance::Error(error) => warn!(%error, "rebalance failed"),
        }
    }
}
