//! Builds the tasks of a service and connects them.

use std::{sync::Arc, thread};

use anyhow::Context as _;
use axum::Router;
use cloudevent::Contract as _;
use decider::Service;
use futures::{FutureExt as _, future::BoxFuture};
use messaging::{Batch, Offsets};
use store::{Leadership, OpenIntent};
use telemetry::Telemetry;
use tokio::{
    net::TcpListener,
    runtime::Handle,
    sync::{Notify, mpsc, oneshot, watch},
};
use tokio_util::sync::CancellationToken;

use crate::{
    call::{CallDispatcher, ProviderClient},
    consume::{ConsumerSlot, Ingest, retry_parked},
    http::{App, Followers, Notice, Readiness, Replays, replay_routes, with_operator_api},
    input::{Input, RetryPolicy},
    maintain::{TopicWatch, measure},
    process::{Gather, Processor, PublishContext, StreamCache},
    publish::{Backlog, BlockedKeys, OutgoingEvent, Published, RefusalLog, Relay, ReplayedEvent, Replayer, Throttle},
    service::{
        config::Config, consumer_task::ConsumerTask, definition::ServiceDefinition, seams::Seams, topics::Topics,
    },
    timers,
    work_queue::{WorkReceiver, WorkSender},
};

/// Capacity of the queue of inputs from HTTP, timers and provider responses.
pub(super) const INPUT_QUEUE_CAPACITY: usize = 4096;
/// Capacity of the queue of events to publish again.
pub(super) const REPLAY_QUEUE_CAPACITY: usize = 256;
/// Capacity of the queue of record batches: the processor decides one while the consumer reads the next.
pub(super) const BATCH_QUEUE_CAPACITY: usize = 2;

/// A background task, before it is started.
pub(super) type Work = BoxFuture<'static, anyhow::Result<()>>;

/// Everything that several tasks share, while they are built.
pub(super) struct Shared<'a, S: Service, C: Seams> {
    pub(super) config: &'a Config,
    pub(super) seams: &'a C,
    pub(super) telemetry: Arc<Telemetry>,
    /// Database system, for spans.
    pub(super) system: &'static str,
    /// True if transactions block their thread.
    pub(super) blocks: bool,
    pub(super) store: C::Store,
    pub(super) leadership: Leadership,
    pub(super) topics: Topics,
    /// Positions at which a reader starts.
    pub(super) positions: Offsets,
    pub(super) consumer: ConsumerSlot,
    pub(super) backlog: Arc<Backlog>,
    pub(super) published: Published,
    pub(super) dead_letters: Arc<Notify>,
    pub(super) replays: Arc<Notify>,
    pub(super) operator_replays: Replays<S>,
    /// Unsent records, for readiness.
    pub(super) notice: Notice,
    pub(super) inputs: mpsc::Sender<Input<S>>,
    pub(super) stop: CancellationToken,
}

/// The receiving ends of the processor's queues, and the ends into which it puts committed work.
pub(super) struct ProcessorQueues<S: Service> {
    pub(super) records: mpsc::Receiver<Batch<Input<S>>>,
    pub(super) inputs: mpsc::Receiver<Input<S>>,
    pub(super) outbox: WorkSender<OutgoingEvent>,
    pub(super) intents: WorkSender<OpenIntent>,
    pub(super) committed: watch::Sender<()>,
}

impl<S: Service, C: Seams> Shared<'_, S, C> {
    pub(super) fn ingest(&self) -> Ingest {
        Ingest {
            redrive_topic: self.topics.redrive(),
            metrics: Arc::clone(&self.telemetry.metrics),
            spans: self.telemetry.spans.clone(),
        }
    }

    pub(super) fn consumer(&self, records: mpsc::Sender<Batch<Input<S>>>) -> Work {
        let task = ConsumerTask {
            seams: self.seams.clone(),
            kafka: self.config.kafka.clone(),
            topics: self.topics.clone(),
            positions: self.positions.clone(),
            ingest: self.ingest(),
            consumer: Arc::clone(&self.consumer),
            stop: self.stop.clone(),
        };
        task.run(records).boxed()
    }

    pub(super) fn http(
        &self,
        definition: &ServiceDefinition<S>,
        listener: TcpListener,
        committed: watch::Receiver<()>,
    ) -> anyhow::Result<Work> {
        let app = App {
            inputs: self.inputs.clone(),
            store: Arc::new(self.store.clone()),
            backlog: Arc::clone(&self.backlog),
            metrics: Arc::clone(&self.telemetry.metrics),
            followers: Followers::new(committed, self.stop.clone()),
        };
        let api = (definition.api)(app, self.config)?;
        let readiness = Readiness {
            consumer: Arc::clone(&self.consumer),
            telemetry: Arc::clone(&self.telemetry),
            notice: self.notice.clone(),
        };
        let schemas = web::Schemas { list: S::Public::SUITE.schemas, find: S::Public::SUITE.schema };
        let routes = api.routes.merge(replay_routes::<S>(self.operator_replays.clone()));
        let routes =
            web::with_standard_routes(routes, with_operator_api(api.description), Arc::new(readiness), schemas);
        Ok(serve(listener, routes, self.stop.clone()).boxed())
    }

    pub(super) fn processor(&self, queues: ProcessorQueues<S>) -> Work {
        let ProcessorQueues { records, inputs, outbox, intents, committed } = queues;
        let processor = Processor::<S, C::Store> {
            system: self.system,
            store: self.store.clone(),
            records,
            inputs,
            consumer: Arc::clone(&self.consumer),
            outbox,
            dead_letters: Arc::clone(&self.dead_letters),
            replays: Arc::clone(&self.replays),
            intents,
            published: self.published.clone(),
            publish: self.publish_context(),
            metrics: Arc::clone(&self.telemetry.metrics),
            backlog: Arc::clone(&self.backlog),
            committed,
            cache: StreamCache::default(),
            gather: Gather::new(),
            positions: self.topics.is_reader().then(Offsets::default),
        };
        if self.blocks { on_thread("processor", processor.run()) } else { processor.run().map(Ok).boxed() }
    }

    fn publish_context(&self) -> PublishContext {
        PublishContext {
            spans: self.telemetry.spans.clone(),
            retries: RetryPolicy {
                attempts_max: self.config.retry_attempts_max,
                backoff_max: self.config.retry_backoff_max,
            },
            dead_letter_topic: self.topics.dead_letter(),
        }
    }

    pub(super) fn replayer(&self, relay: mpsc::Sender<ReplayedEvent>) -> Work {
        let replayer = Replayer {
            store: self.store.clone(),
            leadership: self.leadership.clone(),
            replays: Arc::clone(&self.replays),
            relay,
        };
        replayer.run(self.stop.clone()).map(Ok).boxed()
    }

    pub(super) fn relay(
        &self,
        queue: WorkReceiver<OutgoingEvent, C::Store>,
        replays: mpsc::Receiver<ReplayedEvent>,
    ) -> anyhow::Result<Work> {
        let relay = Relay {
            queue,
            spans: self.telemetry.spans.clone(),
            publisher: self.seams.publisher(&self.config.kafka)?,
            published: self.published.clone(),
            store: self.store.clone(),
            metrics: Arc::clone(&self.telemetry.metrics),
            owned: S::Public::TYPES,
            schema_base_url: self.config.schema_base_url.clone(),
            dead_letters: Arc::clone(&self.dead_letters),
            replays,
            backlog: Arc::clone(&self.backlog),
            throttle: Throttle::new(self.config.publish_rate_max),
            delayed: None,
            blocked: BlockedKeys::default(),
            suspects: Vec::new(),
            due: Vec::new(),
            refusal_log: RefusalLog::default(),
        };
        Ok(relay.run().map(Ok).boxed())
    }

    pub(super) fn call_dispatcher(
        &self,
        queue: WorkReceiver<OpenIntent, C::Store>,
        provider: Arc<dyn ProviderClient<S>>,
    ) -> Work {
        let dispatcher = CallDispatcher {
            queue,
            provider: self.seams.provider(provider),
            responses: self.inputs.clone(),
            metrics: Arc::clone(&self.telemetry.metrics),
            spans: self.telemetry.spans.clone(),
        };
        dispatcher.run(self.stop.clone()).map(Ok).boxed()
    }

    pub(super) fn timers(&self) -> Work {
        let run = timers::run::<S>(self.store.clone(), self.leadership.clone(), self.inputs.clone(), self.stop.clone());
        run.map(Ok).boxed()
    }

    pub(super) fn parked_retry(&self) -> Work {
        let (store, leadership) = (self.store.clone(), self.leadership.clone());
        let run = retry_parked::<S>(store, leadership, self.ingest(), self.inputs.clone(), self.stop.clone());
        run.map(Ok).boxed()
    }

    /// Watches the topics of a service that owns one.
    pub(super) fn topic_watch(&self) -> Option<Work> {
        let watch = TopicWatch {
            store: self.store.clone(),
            leadership: self.leadership.clone(),
            kafka: self.config.kafka.clone(),
            topics: self.topics.all().into_iter().map(str::to_owned).collect(),
            own: self.topics.events()?,
            dead_letter: self.topics.dead_letter()?,
            consumer: Arc::clone(&self.consumer),
            published: self.published.clone(),
            replays: self.operator_replays.clone(),
        };
        Some(watch.run(self.stop.clone()).map(Ok).boxed())
    }

    pub(super) fn gauges(&self) -> Work {
        let metrics = Arc::clone(&self.telemetry.metrics);
        let (consumer, backlog) = (Arc::clone(&self.consumer), Arc::clone(&self.backlog));
        measure(self.store.clone(), consumer, metrics, backlog, self.notice.clone(), self.stop.clone()).map(Ok).boxed()
    }
}

/// Runs a task on its own thread, so that it blocks no other. Dropping the result cancels the task.
fn on_thread(name: &'static str, run: impl Future<Output = ()> + Send + 'static) -> Work {
    let start = async move {
        let (runtime, (ended, end)) = (Handle::current(), oneshot::channel());
        let cancel = CancellationToken::new();
        let _cancel_on_drop = cancel.clone().drop_guard();
        let work = move || {
            runtime.block_on(cancel.run_until_cancelled(run));
            // The service may have stopped waiting for this thread.
            let _ = ended.send(());
        };
        thread::Builder::new().name(name.to_owned()).spawn(work)?;
        end.await.with_context(|| format!("thread '{name}' panicked"))
    };
    start.boxed()
}

async fn serve(listener: TcpListener, routes: Router, stop: CancellationToken) -> anyhow::Result<()> {
    Ok(axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await?)
}
