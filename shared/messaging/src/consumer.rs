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
    client::{Client, CurrentClient},
    logging::is_away,
    record::{Batch, Offsets, Record},
};

/// How long a poll waits for a record before it looks whether to stop.
const POLL: Duration = Duration::from_millis(100);
/// How long a full sink may take before the partitions are paused and polling goes on without records.
const PATIENCE: Duration = Duration::from_secs(1);
/// The first wait before a client that can't go on is replaced.
const REPLACE_WAIT_MIN: Duration = Duration::from_millis(20);
/// The longest such wait: two processes that are set to be the same replica replace each other for ever.
const REPLACE_WAIT_MAX: Duration = Duration::from_secs(5);

/// A consumer that runs until it is stopped.
pub struct Consumer {
    client: Arc<CurrentClient>,
    stop: Arc<AtomicBool>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
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
    let client = Arc::new(CurrentClient::new(config, topics)?);
    let stop = Arc::new(AtomicBool::new(false));
    let pump = Pump {
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
    };
    let thread = thread::Builder::new().name("kafka-consumer".into()).spawn(|| pump.run());
    Ok(Consumer { client, stop, thread: Mutex::new(Some(thread.expect("a thread can be started"))) })
}

impl Consumer {
    /// Whether the group gave this consumer its partitions.
    pub fn is_assigned(&self) -> bool {
        self.client.get().context().assigned.load(Ordering::Relaxed)
    }

    /// How many records of each topic this consumer has yet to read, as of a few seconds ago.
    pub fn lag(&self) -> Vec<(String, u64)> {
        self.client.get().context().lag.lock().expect("nobody panics while holding it").clone()
    }

    /// The work that these offsets stand for is committed: don't deliver it again.
    pub fn done(&self, offsets: &Offsets) {
        let mut list = TopicPartitionList::with_capacity(offsets.0.len());
        for (topic, partition, next) in &offsets.0 {
            if let Err(error) = list.add_partition_offset(topic, *partition, Offset::Offset(*next)) {
                warn!(%error, topic, partition, "offset can't be stored");
            }
        }
        if let Err(error) = self.client.get().store_offsets(&list) {
            // The partition went to another replica, or to a new client of this one, which will read these records again.
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
        if let Err(error) = self.client.get().commit_consumer_state(CommitMode::Sync)
            && error.rdkafka_error_code() != Some(RDKafkaErrorCode::NoOffset)
        {
            warn!(%error, "offsets are not committed: some records will be delivered again");
        }
    }
}

struct Pump<T, F> {
    client: Arc<Client>,
    current: Arc<CurrentClient>,
    stop: Arc<AtomicBool>,
    config: KafkaConfig,
    runtime: Handle,
    read: F,
    sink: Sender<Batch<T>>,
    max_batch: usize,
    /// Why the client can't go on.
    fatal: Option<KafkaError>,
    /// The waits before a client is replaced, since one last gave a record.
    backoff: ExponentialBackoff,
}

impl<T: Send + 'static, F: FnMut(&Record<'_>) -> Option<T>> Pump<T, F> {
    fn run(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            if let Some(error) = self.fatal.take() {
                self.replace_client(&error);
                continue;
            }
            let mut batch = Batch { items: Vec::new(), offsets: Offsets::default() };
            if !self.poll_into(&mut batch, POLL) {
                self.hurry_to_join();
                continue;
            }
            self.backoff = backoff();
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
                let record = Record::of(&message, self.config.own_name(message.topic()));
                let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
                if let Ok(item) = catch_unwind(AssertUnwindSafe(|| (self.read)(&record))) {
                    batch.items.extend(item);
                } else {
                    error!(topic, partition, offset, "this record can't be read; it stays in its topic");
                }
                batch.offsets.advance(&message);
                true
            }
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                self.fatal = Some(error);
                false
            }
            // The client's context has told it.
            Some(Err(error)) if is_away(&error) => false,
            Some(Err(error)) => {
                warn!(%error, "reading failed; the client tries again");
                false
            }
            None => false,
        }
    }

    /// A client that was not given partitions yet looks only once a second whether it can go on joining its group, which
    /// takes three looks when the broker makes its first group. It also looks whenever it is asked something.
    fn hurry_to_join(&self) {
        if !self.client.context().assigned.load(Ordering::Relaxed)
            && let Err(error) = self.client.subscription()
        {
            debug!(%error, "the client does not say what it is subscribed to");
        }
    }

    /// What was read and not done is read again by the new client.
    fn replace_client(&mut self, error: &KafkaError) {
        let wait = self.backoff.next().unwrap_or(REPLACE_WAIT_MAX);
        warn!(%error, wait_ms = wait.as_millis(), "the consumer can't go on; a new one takes its place in the group");
        thread::sleep(wait);
        match self.current.replace() {
            Ok(client) => self.client = client,
            Err(error) => self.fatal = Some(error),
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

fn backoff() -> ExponentialBackoff {
    let builder = ExponentialBuilder::default().with_min_delay(REPLACE_WAIT_MIN).with_max_delay(REPLACE_WAIT_MAX);
    builder.with_jitter().without_max_times().build()
}
