//! Every instrument of the suite. Their names and labels are what dashboards and rules in `deploy/` are made of.

use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter};

/// The instruments of a service.
pub struct Metrics {
    /// Orders that ended, by `outcome` and `reason`.
    pub sagas_completed: Counter<u64>,
    /// Seconds from the placement of an order to its end, by `outcome`.
    pub saga_seconds: Histogram<f64>,
    /// Events that undo a step, by `event` and `reason`.
    pub compensations: Counter<u64>,
    /// Records that led to a command, by `event`.
    pub consumed: Counter<u64>,
    /// Events that the broker has, by `event`.
    pub published: Counter<u64>,
    /// Records and answers that came again and were recognized.
    pub duplicates: Counter<u64>,
    /// Messages that the inbox forgot, for they can't come again.
    pub forgotten: Counter<u64>,
    /// Records that became dead letters, by `topic` and `class`.
    pub dead_letters: Counter<u64>,
    /// Records that were put aside to be tried again, by `topic` and `class`.
    pub parked: Counter<u64>,
    /// Events that waited because too many of their type went out, by `event`.
    pub throttled: Counter<u64>,
    /// Requests that were not taken because too much waits, by `reason`.
    pub shed: Counter<u64>,
    /// Calls to the outside world that failed and are made again.
    pub retries: Counter<u64>,
    /// Inputs in a transaction.
    pub batch_size: Histogram<u64>,
    /// Seconds from a transaction's start to its commit.
    pub transaction_seconds: Histogram<f64>,
    /// Records that this consumer has yet to read, by `topic`.
    pub consumer_lag: Gauge<u64>,
    /// Outbox rows that wait to be published.
    pub outbox_backlog: Gauge<u64>,
    /// Records that wait to be tried again.
    pub parked_backlog: Gauge<u64>,
    /// Calls to the outside world that are not answered yet.
    pub calls_open: Gauge<u64>,
    /// Streams whose time has come and that were not woken yet.
    pub timers_due: Gauge<u64>,
    /// Age of the oldest row that waits to be published in seconds; 0 when there is none.
    pub outbox_oldest_seconds: Gauge<f64>,
}

/// Boundaries in seconds for what takes milliseconds when all is well, and minutes when not.
const SECONDS: [f64; 17] =
    [0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];
/// Boundaries for what a transaction holds.
const INPUTS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

impl Metrics {
    pub(crate) fn new(meter: &Meter) -> Self {
        let counter = |name, what| meter.u64_counter(name).with_description(what).build();
        let seconds = |name, what| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(what);
            histogram.with_boundaries(SECONDS.to_vec()).build()
        };
        let inputs = meter.u64_histogram("saga.batch.size").with_description("Inputs in a transaction");
        let gauge = |name, what| meter.u64_gauge(name).with_description(what).build();
        let oldest = meter.f64_gauge("saga.outbox.oldest.age").with_unit("s");
        Self {
            sagas_completed: counter("saga.completed", "Orders that ended"),
            saga_seconds: seconds("saga.duration", "From the placement of an order to its end"),
            compensations: counter("saga.compensations", "Events that undo a step"),
            consumed: counter("saga.events.consumed", "Events that led to a command"),
            published: counter("saga.events.published", "Events that the broker has"),
            duplicates: counter("saga.inbox.duplicates", "Messages that came again and were recognized"),
            forgotten: counter("saga.inbox.forgotten", "Messages that the inbox forgot, for they can't come again"),
            dead_letters: counter("saga.dead_letters", "Records that became dead letters"),
            parked: counter("saga.records.parked", "Records that were put aside to be tried again"),
            throttled: counter("saga.publish.throttled", "Events that waited because too many of their type went out"),
            shed: counter("saga.requests.shed", "Requests that were not taken because too much waits"),
            retries: counter("saga.provider.retries", "Calls to the outside world that failed and are made again"),
            batch_size: inputs.with_boundaries(INPUTS.to_vec()).build(),
            transaction_seconds: seconds("saga.transaction.duration", "From a transaction's start to its commit"),
            consumer_lag: gauge("saga.consumer.lag", "Records that this consumer has yet to read"),
            outbox_backlog: gauge("saga.outbox.backlog", "Outbox rows that wait to be published"),
            parked_backlog: gauge("saga.parked.backlog", "Records that wait to be tried again"),
            calls_open: gauge("saga.provider.calls.open", "Calls to the outside world that are not answered yet"),
            timers_due: gauge("saga.timers.due", "Streams whose time has come and that were not woken yet"),
            outbox_oldest_seconds: oldest.with_description("Age of the oldest row that waits to be published").build(),
        }
    }
}
