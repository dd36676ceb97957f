//! A service from its configuration to its graceful end.

use std::{
    fmt::Write as _,
    process::ExitCode,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context as _;
use axum::Router;
use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use cloudevent::Contract;
use decider::Service;
use messaging::{Batch, Consumer, KafkaConfig, KafkaError, Producer, Record, consume, dead_letters, ensure_topics};
use store::{EventStore, Leadership, Store as _, StoreError};
use telemetry::{Settings, Telemetry};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use utoipa::openapi::OpenApi;

use crate::{
    call::{CallDispatcher, ProviderClient},
    consume::{Ingest, retry_parked},
    http::{App, Followers, Readiness},
    input::{Input, RetryPolicy},
    maintain::{InboxCleaner, measure},
    planted,
    process::{Cache, Processor, PublishContext},
    publish::{Backlog, Linger, Published, Relay, Throttle},
    service::{
        config::{Config, ProcessEnvironment, Variable, common},
        health,
    },
    timers,
    work_queue::feed,
};

/// Wrong arguments or configuration, as in sysexits.h.
const EXIT_USAGE: u8 = 64;
/// Inputs from HTTP, timers and answers that may wait.
const INPUTS_WAITING: usize = 4096;
/// Batches of records that may wait; one is decided while the next is read.
const BATCHES_WAITING: usize = 2;
/// Records in a batch at most.
const RECORDS_MAX: usize = 500;
/// The longest wait before the topics, or the database, are tried again.
const AWAY_BACKOFF_MAX: Duration = Duration::from_secs(2);
/// How long each part may take at the end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// What makes one service differ from another.
pub struct ServiceDefinition<S: Service> {
    /// Where HTTP listens on a laptop.
    pub port: u16,
    /// The variables that only this service reads.
    pub variables: Vec<Variable>,
    /// The outside world.
    pub provider: fn(&Config) -> anyhow::Result<Arc<dyn ProviderClient<S>>>,
    /// The HTTP API, with its description.
    pub api: fn(App<S>, &Config) -> anyhow::Result<Api>,
}

/// A service's own HTTP API.
pub struct Api {
    /// What it serves.
    pub routes: Router,
    /// Its description.
    pub description: OpenApi,
}

/// Runs the service until it is told to stop. For `main`: reads arguments and environment, and gives the exit code.
pub fn run<S: Service>(parts: &ServiceDefinition<S>) -> ExitCode {
    let service = S::Public::OWNER;
    if let Some(argument) = std::env::args().nth(1) {
        return match argument.as_str() {
            "--help" | "-h" => help(service, parts),
            "--version" | "-V" => say(format_args!("{service} {}", env!("CARGO_PKG_VERSION"))),
            "--health" => health(service, parts),
            unknown => {
                complain(format_args!("{service}: unknown argument '{unknown}'; see --help"));
                ExitCode::from(EXIT_USAGE)
            }
        };
    }
    let config = match Config::read(&ProcessEnvironment, service, parts.port, &parts.variables) {
        Ok(config) => config,
        Err(errors) => {
            for error in errors {
                complain(format_args!("{service}: {error}"));
            }
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let served = runtime.context("the runtime").and_then(|runtime| runtime.block_on(serve(parts, &config)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("{service}: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn say(text: std::fmt::Arguments<'_>) -> ExitCode {
    println!("{text}");
    ExitCode::SUCCESS
}

fn complain(text: std::fmt::Arguments<'_>) {
    eprintln!("{text}");
}

fn help<S: Service>(service: &str, parts: &ServiceDefinition<S>) -> ExitCode {
    let mut variables = String::new();
    for Variable { name, default, meaning, .. } in common(service, parts.port).iter().chain(&parts.variables) {
        // Writing to a string can't fail.
        let _ = writeln!(variables, "  {name:<26}{meaning} [{default}]");
    }
    say(format_args!(
        "The {service} service of the order saga.\n\nUsage: {service} [--help | --version | --health]\n\n\
         Environment variables [default]:\n{variables}  {:<26}{}\n\n\
         Stops on SIGTERM or SIGINT, when what it has begun is done. Exit codes: 0 stopped as told, 1 failed,\n\
         64 wrong arguments or configuration. --health asks the service that runs with the same environment\n\
         whether it is ready: 0 yes, 1 no.",
        "KAFKA_<PROPERTY>", "any librdkafka property: KAFKA_SESSION_TIMEOUT_MS=6000"
    ))
}

/// For the health check of a container, in which there is nothing else to ask with.
fn health<S: Service>(service: &'static str, parts: &ServiceDefinition<S>) -> ExitCode {
    let Ok(config) = Config::read(&ProcessEnvironment, service, parts.port, &parts.variables) else {
        complain(format_args!("{service}: its configuration can't be used; started without --health, it tells why"));
        return ExitCode::FAILURE;
    };
    match health::ask(&config.http_addr) {
        Ok(answer) => say(format_args!("{answer}")),
        Err(why) => {
            complain(format_args!("{service}: {why}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve<S: Service>(parts: &ServiceDefinition<S>, config: &Config) -> anyhow::Result<()> {
    let service = S::Public::OWNER;
    let telemetry = Arc::new(Telemetry::start(&settings(service, config))?);
    planted::start(&config.kafka);
    let store = open_store(&config.database_url).await?;
    let leadership = store.join_election();
    let provider = (parts.provider)(config)?;
    let listener = listen(&config.http_addr).await?;

    let (inputs, inputs_taken) = mpsc::channel(INPUTS_WAITING);
    let (records, records_taken) = mpsc::channel(BATCHES_WAITING);
    let (outbox, outbox_feed) = feed(store.clone(), leadership.clone());
    let (intents, intents_feed) = feed(store.clone(), leadership.clone());
    let published = Published::default();
    let consumer = Arc::new(OnceLock::new());
    let metrics = &telemetry.metrics;
    let stop = CancellationToken::new();

    let backlog = Arc::new(Backlog::new(store.outbox_len().await?, config.outbox_max));
    let intake = intake::<S>(&telemetry);

    let (backlog_seen, counted) = (Arc::clone(&backlog), Arc::clone(metrics));
    let (committed, followed) = watch::channel(());
    let followers = Followers::new(followed, stop.clone());
    let app = App { inputs: inputs.clone(), store: store.clone(), backlog: backlog_seen, metrics: counted, followers };
    let api = (parts.api)(app, config)?;
    let readiness = Readiness { consumer: Arc::clone(&consumer), telemetry: Arc::clone(&telemetry) };
    let served = web::with_standard_routes(api.routes, api.description, Arc::new(readiness));
    let http = axum::serve(listener, served).with_graceful_shutdown(stop.clone().cancelled_owned());

    let processor = Processor::<S> {
        store: store.clone(),
        records: records_taken,
        inputs: inputs_taken,
        consumer: Arc::clone(&consumer),
        outbox,
        intents,
        published: published.clone(),
        outlet: outlet::<S>(config, &telemetry),
        metrics: Arc::clone(metrics),
        backlog: Arc::clone(&backlog),
        committed,
        cache: Cache::default(),
    };
    let relay = Relay {
        feed: outbox_feed,
        spans: telemetry.spans.clone(),
        producer: Producer::new(&config.kafka)?,
        published,
        store: store.clone(),
        metrics: Arc::clone(metrics),
        owned: S::Public::TYPES,
        dead_letter_topic: dead_letter_topic::<S>(),
        backlog: Arc::clone(&backlog),
        throttle: Throttle::new(config.publish_rate_max),
        pace: Linger::new(),
        held: None,
    };
    let performer = CallDispatcher {
        feed: intents_feed,
        provider,
        answers: inputs.clone(),
        metrics: Arc::clone(metrics),
        spans: telemetry.spans.clone(),
    };
    let janitor = janitor(config, &telemetry, &store, &leadership);

    let mut tasks = Tasks {
        http: tokio::spawn(async move { http.await }),
        processor: tokio::spawn(processor.run()),
        relay: tokio::spawn(relay.run()),
        performer: tokio::spawn(performer.run(stop.clone())),
        gauges: tokio::spawn(measure(store.clone(), Arc::clone(&consumer), Arc::clone(metrics), backlog, stop.clone())),
        retrier: tokio::spawn(retry_parked::<S>(
            store.clone(),
            leadership.clone(),
            intake.clone(),
            inputs.clone(),
            stop.clone(),
        )),
        timer: tokio::spawn(timers::run::<S>(store, leadership, inputs, stop.clone())),
        intake: tokio::spawn(read_topics::<S>(
            config.kafka.clone(),
            intake,
            records,
            Arc::clone(&consumer),
            janitor,
            stop.clone(),
        )),
    };
    info!(service, http = config.http_addr, "started");

    let ended = tasks.wait_for_signal_or_failure().await;
    info!("stopping: what is begun is finished first");
    stop.cancel();
    tasks.finish(consumer.get()).await;
    info!("stopped");
    // The exporters wait for the collector, which must not keep the runtime's threads from working for them.
    let _ = tokio::task::spawn_blocking(move || telemetry.stop()).await;
    ended
}

fn settings(service: &'static str, config: &Config) -> Settings {
    let (log_format, log_filter) = (config.log_format, config.log_filter.clone());
    Settings { service, log_format, log_filter, export: config.export_telemetry }
}

async fn listen(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("HTTP_ADDR {address}"))
}

/// Opens the database; tries again for as long as its server is away.
async fn open_store(url: &str) -> Result<EventStore, StoreError> {
    let mut backoff = away_backoff();
    loop {
        match EventStore::open_url(url).await {
            Err(error) if error.is_unavailable() => warn!(%error, "the database can't be reached; it is tried again"),
            opened => return opened,
        }
        tokio::time::sleep(backoff.next().unwrap_or(AWAY_BACKOFF_MAX)).await;
    }
}

fn away_backoff() -> ExponentialBackoff {
    let backoff = ExponentialBuilder::default().with_min_delay(Duration::from_millis(100));
    backoff.with_max_delay(AWAY_BACKOFF_MAX).without_max_times().build()
}

fn outlet<S: Service>(config: &Config, telemetry: &Telemetry) -> PublishContext {
    PublishContext {
        schema_base_url: config.schema_base_url.clone(),
        spans: telemetry.spans.clone(),
        retries: RetryPolicy { attempts_max: config.retry_attempts_max, backoff_max: config.retry_backoff_max },
        dead_letter_topic: dead_letter_topic::<S>(),
    }
}

fn intake<S: Service>(telemetry: &Telemetry) -> Ingest {
    let (metrics, spans) = (Arc::clone(&telemetry.metrics), telemetry.spans.clone());
    Ingest { redrive_topic: redrive_topic::<S>(), metrics, spans }
}

fn janitor(config: &Config, telemetry: &Telemetry, store: &EventStore, leadership: &Leadership) -> InboxCleaner {
    InboxCleaner {
        store: store.clone(),
        leadership: leadership.clone(),
        kafka: config.kafka.clone(),
        margin: config.inbox_margin,
        metrics: Arc::clone(&telemetry.metrics),
    }
}

/// Where this service's dead letters go.
fn dead_letter_topic<S: Service>() -> String {
    dead_letters::dead_letter_topic(S::Public::OWNER)
}

/// Where an operator sends this service's dead letters that are to be tried once more.
fn redrive_topic<S: Service>() -> String {
    dead_letters::redrive_topic(S::Public::OWNER)
}

/// Makes the topics, then reads them, and has forgotten what they can't bring again; tries again for as long as Kafka is
/// away.
async fn read_topics<S: Service>(
    kafka: KafkaConfig,
    intake: Ingest,
    records: mpsc::Sender<Batch<Input<S>>>,
    consumer: Arc<OnceLock<Consumer>>,
    janitor: InboxCleaner,
    stop: CancellationToken,
) -> Result<(), KafkaError> {
    let dead_letter_topic = dead_letter_topic::<S>();
    let redrive_topic = redrive_topic::<S>();
    let read: Vec<_> = S::consumes().into_iter().chain([&*redrive_topic]).collect();
    let mut topics = vec![S::Public::TOPIC, &dead_letter_topic];
    topics.extend(&read);
    let mut backoff = away_backoff();
    while let Err(error) = ensure_topics(&kafka, &topics).await {
        warn!(%error, "the topics can't be made; it is tried again");
        let wait = tokio::time::sleep(backoff.next().unwrap_or(AWAY_BACKOFF_MAX));
        if stop.run_until_cancelled(wait).await.is_none() {
            return Ok(());
        }
    }
    let reading = consume(&kafka, &read, RECORDS_MAX, move |record: &Record<'_>| intake.read(record), records)?;
    consumer.get_or_init(|| reading);
    janitor.run(&read, stop).await;
    Ok(())
}

struct Tasks {
    http: JoinHandle<std::io::Result<()>>,
    processor: JoinHandle<()>,
    relay: JoinHandle<()>,
    performer: JoinHandle<()>,
    timer: JoinHandle<()>,
    retrier: JoinHandle<()>,
    gauges: JoinHandle<()>,
    intake: JoinHandle<Result<(), KafkaError>>,
}

impl Tasks {
    /// Ends when the process is told to stop (ok), or when a part of it can't go on (an error: a supervisor starts the
    /// process again, and nothing is lost).
    async fn wait_for_signal_or_failure(&mut self) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
            ended = &mut self.intake => ended.context("the intake")?.context("the consumer"),
            ended = &mut self.http => ended.context("HTTP")?.context("HTTP"),
            ended = &mut self.processor => ended.context("the processor"),
            ended = &mut self.relay => ended.context("the relay"),
            ended = &mut self.performer => ended.context("the performer"),
            ended = &mut self.timer => ended.context("the timer"),
            ended = &mut self.retrier => ended.context("the retrier"),
            ended = &mut self.gauges => ended.context("the gauges"),
        }
    }

    /// Nothing more is read, what was read is done, and Kafka is told.
    async fn finish(self, consumer: Option<&Consumer>) {
        if let Some(consumer) = consumer {
            consumer.stop().await;
        }
        self.drain().await;
        if let Some(consumer) = consumer {
            consumer.commit();
        }
    }

    /// In the order of the flow: what still puts things in ends first, then the processor is done, then the relay.
    async fn drain(self) {
        async fn end<T>(what: &str, mut task: JoinHandle<T>) {
            if !task.is_finished() && timeout(DRAIN_TIMEOUT, &mut task).await.is_err() {
                warn!(what, "did not end in time");
                task.abort();
            }
        }
        end("the performer", self.performer).await;
        end("the timer", self.timer).await;
        end("the retrier", self.retrier).await;
        end("the gauges", self.gauges).await;
        end("the intake", self.intake).await;
        end("HTTP", self.http).await;
        end("the processor", self.processor).await;
        end("the relay (what it did not publish stays in the outbox)", self.relay).await;
    }
}
