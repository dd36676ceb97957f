//! A service from its configuration to its graceful end.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use cloudevent::Contract as _;
use decider::Service;
use futures::future::select_all;
use messaging::Offsets;
use store::{EventStore, ReadPosition, Store as _, StoreError};
use telemetry::{Settings, Telemetry};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{Notify, SetOnce, mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    consume::ConsumerSlot,
    http::{Notice, Replays},
    publish::{Backlog, Published},
    service::{
        build::{BATCH_QUEUE_CAPACITY, INPUT_QUEUE_CAPACITY, ProcessorQueues, REPLAY_QUEUE_CAPACITY, Shared, Work},
        config::Config,
        definition::ServiceDefinition,
        reconnect::reconnect_backoff,
        seams::Seams,
        topics::Topics,
    },
    work_queue::work_queue,
};

/// Maximum time for each task to end at shutdown.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A service that is ready to run: connected, and with all its tasks built.
pub struct Runtime {
    /// In the order of the flow, in which they end at shutdown: what creates inputs, then the processor, then the
    /// relay.
    tasks: Vec<(&'static str, Work)>,
    consumer: ConsumerSlot,
    telemetry: Arc<Telemetry>,
    stop: CancellationToken,
    startup: Startup,
}

/// The facts that a service logs when it starts.
struct Startup {
    service: &'static str,
    http_addr: String,
    /// URL of the database, without its password.
    storage: String,
    topics: Topics,
}

impl Runtime {
    /// Opens the database, binds the HTTP port and builds all tasks. Retries while the database is unavailable.
    ///
    /// # Errors
    /// The database, the port, the provider or the API cannot be used.
    pub async fn build<S: Service, C: Seams>(
        definition: &ServiceDefinition<S>,
        config: &Config,
        seams: &C,
    ) -> anyhow::Result<Self> {
        let service = S::Public::OWNER;
        let telemetry = Arc::new(Telemetry::start(&settings::<S>(config))?);
        let database = open_store(&config.database_url).await?;
        let provider = (definition.provider)(config)?;
        let listener = listen(&config.http_addr).await?;
        let (inputs, input_queue) = mpsc::channel(INPUT_QUEUE_CAPACITY);
        let (records, record_queue) = mpsc::channel(BATCH_QUEUE_CAPACITY);
        let (replays, replayed) = mpsc::channel(REPLAY_QUEUE_CAPACITY);
        let (committed, commits) = watch::channel(());
        let (system, blocks) = (database.system(), database.blocks());
        let store = seams.store(database);
        let topics = Topics::of::<S>();
        let mut positions = Offsets::default();
        if topics.is_reader() {
            for ReadPosition { topic, partition, next } in store.read_positions().await? {
                positions.set(&topic, partition, next);
            }
        }
        let stop = CancellationToken::new();
        let dead_letters = Arc::new(Notify::new());
        let operator_replays =
            Replays::new(inputs.clone(), Arc::new(store.clone()), Arc::clone(&dead_letters), stop.clone());
        let shared = Shared {
            config,
            seams,
            telemetry,
            system,
            blocks,
            leadership: store.join_election(),
            topics,
            positions,
            consumer: Arc::new(SetOnce::new()),
            backlog: Arc::new(Backlog::new(store.unpublished().await?.count, config.outbox_max)),
            store,
            published: Published::default(),
            dead_letters,
            replays: Arc::new(Notify::new()),
            operator_replays,
            notice: Notice::default(),
            inputs,
            stop,
        };
        let (outbox, outgoing) = work_queue(shared.store.clone(), shared.leadership.clone());
        let (intents, calls) = work_queue(shared.store.clone(), shared.leadership.clone());
        let queues = ProcessorQueues { records: record_queue, inputs: input_queue, outbox, intents, committed };
        let mut tasks = vec![
            ("consumer", shared.consumer(records)),
            ("call dispatcher", shared.call_dispatcher(calls, provider)),
            ("timers", shared.timers()),
            ("parked retry", shared.parked_retry()),
            ("gauges", shared.gauges()),
            ("http", shared.http(definition, listener, commits)?),
            ("processor", shared.processor(queues)),
        ];
        if let Some(watch) = shared.topic_watch() {
            tasks.push(("topic watch", watch));
            tasks.push(("replayer", shared.replayer(replays)));
            tasks.push(("relay", shared.relay(outgoing, replayed)?));
        }
        Ok(Self {
            tasks,
            consumer: shared.consumer,
            telemetry: shared.telemetry,
            stop: shared.stop,
            startup: Startup {
                service,
                http_addr: config.http_addr.clone(),
                storage: config.storage(),
                topics: shared.topics,
            },
        })
    }

    /// Runs the service until a signal stops it, then finishes the work in progress.
    ///
    /// # Errors
    /// A task failed. A supervisor restarts the process, and nothing is lost.
    pub async fn run(self) -> anyhow::Result<()> {
        let mut tasks: Vec<_> = self.tasks.into_iter().map(|(name, work)| Task::start(name, work)).collect();
        self.startup.log();
        let ended = tokio::select! {
            signal = shutdown_signal() => signal,
            error = first_end(&mut tasks) => Err(error),
        };
        info!("shutting down, draining in-flight work");
        self.stop.cancel();
        for task in tasks {
            task.drain().await;
        }
        if let Some(consumer) = self.consumer.get() {
            consumer.commit();
        }
        info!("service stopped");
        // On a blocking thread, because `stop` waits for exporters that run on the runtime's threads.
        let telemetry = self.telemetry;
        let _ = tokio::task::spawn_blocking(move || telemetry.stop()).await;
        ended
    }
}

impl Startup {
    fn log(&self) {
        let Self { service, http_addr, storage, topics } = self;
        let version = env!("CARGO_PKG_VERSION");
        let (consumes, owns) = (topics.read().join(","), topics.owned().join(","));
        info!(service, version, http_addr, storage, consumes, owns, "service started");
    }
}

/// A running background task.
struct Task {
    name: &'static str,
    handle: JoinHandle<anyhow::Result<()>>,
}

impl Task {
    fn start(name: &'static str, work: Work) -> Self {
        Self { name, handle: tokio::spawn(work) }
    }

    /// Waits a bounded time until the task has ended. Unpublished events stay in the outbox.
    async fn drain(mut self) {
        if !self.handle.is_finished() && timeout(DRAIN_TIMEOUT, &mut self.handle).await.is_err() {
            warn!(task = self.name, "task did not end in time, aborting it");
            self.handle.abort();
        }
    }
}

/// Waits for the first task that ends. Before shutdown none should.
async fn first_end(tasks: &mut [Task]) -> anyhow::Error {
    let (ended, index, _) = select_all(tasks.iter_mut().map(|task| &mut task.handle)).await;
    let name = tasks[index].name;
    match ended {
        Ok(Ok(())) => anyhow!("task '{name}' ended before shutdown"),
        Ok(Err(error)) => error.context(format!("task '{name}' failed")),
        Err(panic) => anyhow!(panic).context(format!("task '{name}' panicked")),
    }
}

async fn shutdown_signal() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn settings<S: Service>(config: &Config) -> Settings {
    let (log_format, log_filter) = (config.log_format, config.log_filter.clone());
    Settings {
        service: S::Public::OWNER,
        scope: S::Public::SUITE.name,
        subject_attribute: S::Public::SUBJECT_ATTRIBUTE,
        log_format,
        log_filter,
        export: config.export_telemetry,
    }
}

async fn listen(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("failed to listen on HTTP_ADDR {address}"))
}

/// Opens the database. Retries for as long as its server is unavailable.
async fn open_store(url: &str) -> Result<EventStore, StoreError> {
    let mut waits = reconnect_backoff();
    loop {
        match EventStore::open_url(url).await {
            Err(error) if error.is_unavailable() => warn!(%error, "database unavailable, retrying"),
            opened => return opened,
        }
        sleep(waits.next().unwrap_or(Duration::ZERO)).await;
    }
}
