//! All instruments. Dashboards and rules in `deploy/` use their names and labels.

use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter};

/// The instruments of a service.
pub struct Metrics {
    /// Completed sagas, by `outcome` and `reason`.
    pub sagas_completed: Counter<u64>,
    /// Seconds from the start of a saga to its completion, by `outcome`.
    pub saga_seconds: Histogram<f64>,
    /// Compensating events, by `event` and `reason`.
    pub compensations: Counter<u64>,
    /// Records that caused a command, by `event`.
    pub consumed: Counter<u64>,
    /// Events acknowledged by the broker, by `event`.
    pub published: Counter<u64>,
    /// Messages recognized as duplicates.
    pub duplicates: Counter<u64>,
    /// Events published again in a wave, by `event`.
    pub replayed: Counter<u64>,
    /// Dead-lettered records, by `topic` and `class`.
    pub dead_letters: Counter<u64>,
    /// Records parked for a retry, by `topic` and `class`.
    pub parked: Counter<u64>,
    /// Events delayed by the rate limit of their type, by `event`.
    pub throttled: Counter<u64>,
    /// Requests rejected because of overload, by `reason`.
    pub shed: Counter<u64>,
    /// Retries of failed provider calls.
    pub retries: Counter<u64>,
    /// Inputs per transaction.
    pub batch_size: Histogram<u64>,
    /// Seconds from a transaction's start to its commit.
    pub transaction_seconds: Histogram<f64>,
    /// Unread records of this consumer, by `topic`.
    pub consumer_lag: Gauge<u64>,
    /// Unpublished events.
    pub outbox_backlog: Gauge<u64>,
    /// Parked records.
    pub parked_backlog: Gauge<u64>,
    /// Records that the broker refuses, and those that wait behind them.
    pub records_unsent: Gauge<u64>,
    /// Unanswered provider calls.
    pub calls_open: Gauge<u64>,
    /// Streams with due timers.
    pub timers_due: Gauge<u64>,
    /// Age of the oldest unpublished event in seconds; 0 if there is none.
    pub outbox_oldest_seconds: Gauge<f64>,
}

/// Boundaries in seconds for operations that take milliseconds, or minutes when something fails.
const SECONDS: [f64; 17] =
    [0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];
/// Boundaries for the number of inputs per transaction.
const INPUTS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

impl Metrics {
    pub(crate) fn new(meter: &Meter) -> Self {
        let counter = |name, description| meter.u64_counter(name).with_description(description).build();
        let seconds = |name, description| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(description);
            histogram.with_boundaries(SECONDS.to_vec()).build()
        };
        let inputs = meter.u64_histogram("saga.batch.size").with_description("Inputs per transaction");
        let gauge = |name, description| meter.u64_gauge(name).with_description(description).build();
        let oldest = meter.f64_gauge("saga.outbox.oldest.age").with_unit("s");
        Self {
            sagas_completed: counter("saga.completed", "Completed sagas"),
            saga_seconds: seconds("saga.duration", "From the start of a saga to its completion"),
            compensations: counter("saga.compensations", "Compensating events"),
            consumed: counter("saga.events.consumed", "Events that caused a command"),
            published: counter("saga.events.published", "Events acknowledged by the broker"),
            duplicates: counter("saga.inbox.duplicates", "Messages recognized as duplicates"),
            replayed: counter("saga.events.replayed", "Events published again in a wave"),
            dead_letters: counter("saga.dead_letters", "Dead-lettered records"),
            parked: counter("saga.records.parked", "Records parked for a retry"),
            throttled: counter("saga.publish.throttled", "Events delayed by the rate limit of their type"),
            shed: counter("saga.requests.shed", "Requests rejected because of overload"),
            retries: counter("saga.provider.retries", "Retries of failed provider calls"),
            batch_size: inputs.with_boundaries(INPUTS.to_vec()).build(),
            transaction_seconds: seconds("saga.transaction.duration", "From the start of a transaction to its commit"),
            consumer_lag: gauge("saga.consumer.lag", "Unread records of this consumer"),
            outbox_backlog: gauge("saga.outbox.backlog", "Unpublished events"),
            parked_backlog: gauge("saga.parked.backlog", "Parked records"),
            records_unsent: gauge("saga.records.unsent", "Records that the broker refuses, and those behind them"),
            calls_open: gauge("saga.provider.calls.open", "Unanswered provider calls"),
            timers_due: gauge("saga.timers.due", "Streams with due timers"),
            outbox_oldest_seconds: oldest.with_description("Age of the oldest unpublished event").build(),
        }
    }
}
