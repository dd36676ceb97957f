//! Logs and errors of librdkafka, rate limited: an unavailable broker fails every connection of every client repeatedly.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, config::RDKafkaLogLevel, consumer::ConsumerContext, error::KafkaError, types::RDKafkaErrorCode,
};
use tracing::{debug, error, info, warn};

/// Minimum interval between "broker unavailable" logs, per client.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A client context that limits the rate of "broker unavailable" logs.
#[derive(Debug, Default)]
pub(crate) struct RateLimitedContext {
    last_logged: Mutex<Option<Instant>>,
}

/// Returns whether the error means only that the broker is unreachable. The client itself retries then.
pub(crate) fn is_unavailable(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, Resolve};
    matches!(error.rdkafka_error_code(), Some(AllBrokersDown | BrokerTransportFailure | Resolve))
}

impl RateLimitedContext {
    fn should_log(&self) -> bool {
        let mut last_logged = self.last_logged.lock().expect("no holder of the lock panics");
        let should_log = last_logged.is_none_or(|time| time.elapsed() >= LOG_INTERVAL);
        if should_log {
            *last_logged = Some(Instant::now());
        }
        should_log
    }

    /// Implements [`ClientContext::error`].
    pub(crate) fn log_error(&self, error: &KafkaError, reason: &str) {
        if !is_unavailable(error) {
            warn!(%error, reason, "librdkafka error");
        } else if self.should_log() {
            warn!(reason, "Kafka unavailable, retrying");
        }
    }
}

/// Facilities that log many times a second while a broker is unavailable or has no leaders yet.
/// [`RateLimitedContext::log_error`] reports the same at a limited rate.
const NOISY_FACILITIES: [&str; 2] = ["FAIL", "METADATAUPDATE"];

/// Implements [`ClientContext::log`].
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel::{Alert, Critical, Debug, Emerg, Error, Info, Notice, Warning};
    match level {
        _ if NOISY_FACILITIES.contains(&facility) => debug!(facility, message, "librdkafka"),
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
        self.log_error(&error, reason);
    }
}

impl ConsumerContext for RateLimitedContext {}
