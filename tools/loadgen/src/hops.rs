//! Reads from Kafka what happens to each order, for the table of an order's way.

use std::sync::Arc;

use anyhow::Result;
use contracts::{OrderId, TOPICS};
use jiff::Timestamp;
use rdkafka::message::{BorrowedMessage, Message as _};

use crate::finals::outcome_of;
use crate::follower::Follower;
use crate::journal::{self, Journal, Sighting};
use crate::plan::Load;
use crate::record;
use crate::topics::{Reading, Topics};

/// Orders in a second up to which each is followed: with more of them that would cost time which the suite then lacks.
const RATE_MAX: f64 = 100.0;

/// Kafka's times are whole milliseconds, cut off: the middle of one is right on average.
const HALF_A_MILLISECOND_US: i64 = 500;

/// Whether each order of such a load is followed.
pub(crate) fn are_followed(load: &Load) -> bool {
    matches!(load, Load::Open(schedule) if schedule.rate() <= RATE_MAX)
}

/// Reads the events of all services from now on, and writes them into a journal.
///
/// # Errors
/// The topics can't be read.
pub(crate) fn follow(topics: &Topics<'_>, journal: Arc<Journal>) -> Result<Follower> {
    let consumer = topics.reader(&TOPICS, Reading::FromNow)?;
    Follower::start("hops", consumer, move |message| {
        if let Some((id, event)) = sighting(message, journal::now()) {
            journal.saw(id, event);
        }
    })
}

fn sighting(message: &BorrowedMessage<'_>, read: i64) -> Option<(OrderId, Sighting)> {
    let event = record::event_type(message)?;
    let decided: Timestamp = record::header(message, "ce_time")?.parse().ok()?;
    let sighting = Sighting {
        id: record::header(message, "ce_id")?.parse().ok()?,
        name: event.name,
        cause: record::header(message, "ce_causationid").and_then(|cause| cause.parse().ok()),
        decided: decided.as_microsecond(),
        published: message.timestamp().to_millis()? * 1000 + HALF_A_MILLISECOND_US,
        read,
        is_end: outcome_of(event.name).is_some(),
    };
    Some((record::order_id(message)?, sighting))
}
