//! What librdkafka says, without the flood: a broker that is away fails every connection of every client, again and again.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, config::RDKafkaLogLevel, consumer::ConsumerContext, error::KafkaError, types::RDKafkaErrorCode,
};
use tracing::{debug, error, info, warn};

/// That the broker is away is told once in this time, by each client.
const TOLD_APART: Duration = Duration::from_secs(10);

/// A client's context that tells seldom that the broker is away.
#[derive(Debug, Default)]
pub(crate) struct RateLimitedContext {
    told: Mutex<Option<Instant>>,
}

/// Whether the error says only that the broker can't be reached, which the client tries again by itself.
pub(crate) fn is_away(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, Resolve};
    matches!(error.rdkafka_error_code(), Some(AllBrokersDown | BrokerTransportFailure | Resolve))
}

impl RateLimitedContext {
    fn is_time(&self) -> bool {
        let mut told = self.told.lock().expect("nobody panics while holding it");
        let is_time = told.is_none_or(|told| told.elapsed() >= TOLD_APART);
        if is_time {
            *told = Some(Instant::now());
        }
        is_time
    }

    /// What [`ClientContext::error`] is for.
    pub(crate) fn tell(&self, error: &KafkaError, reason: &str) {
        if !is_away(error) {
            warn!(%error, reason, "librdkafka");
        } else if self.is_time() {
            warn!(reason, "Kafka is away; the client tries again");
        }
    }
}

/// What a client says, many times a second, while a broker is away or has no leaders yet. [`RateLimitedContext::tell`] tells it once.
const FLOOD: [&str; 2] = ["FAIL", "METADATAUPDATE"];

/// What [`ClientContext::log`] is for.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel::{Alert, Critical, Debug, Emerg, Error, Info, Notice, Warning};
    match level {
        _ if FLOOD.contains(&facility) => debug!(facility, message, "librdkafka"),
        Emerg | Alert | Critical | Error => error!(facility, message, "librdkafka"),
        Warning => warn!(facility, message, "librdkafka"),
        Notice | Info => info!(facility, message, "librdkafka"),
        Debug => debug!(facility, message, "librdkafka"),
    }
}

impl ClientContext for RateLimitedContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.tell(&error, reason);
    }
}

impl ConsumerContext for RateLimitedContext {}
