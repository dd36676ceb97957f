//! Reader of all events of each order, for the table of hops.

use std::sync::Arc;

use anyhow::Result;
use catalog::TOPICS;
use contracts::OrderId;
use jiff::Timestamp;
use rdkafka::message::{BorrowedMessage, Message as _};

use crate::environment::topics::{BenchTopics, StartOffset};
use crate::load::plan::Load;
use crate::observe::finals::final_status;
use crate::observe::follower::TopicFollower;
use crate::observe::record;
use crate::results::trace::{self, ObservedEvent, OrderTraces};

/// Kafka truncates timestamps to whole milliseconds. Half a millisecond corrects the mean.
const HALF_A_MILLISECOND_US: i64 = 500;

/// Returns whether single orders of the load are followed. With many, this would take processor time from the suite.
pub(crate) fn are_followed(load: &Load) -> bool {
    load.is_light() && matches!(load, Load::Open(_))
}

/// Reads the events of all services from now on and records them.
///
/// # Errors
/// The topics cannot be read.
pub(crate) fn follow(topics: &BenchTopics<'_>, traces: Arc<OrderTraces>) -> Result<TopicFollower> {
    let consumer = topics.reader(TOPICS, StartOffset::FromNow)?;
    TopicFollower::start("hops", consumer, move |message| {
        if let Some((id, event)) = observed_event(message, trace::now()) {
            traces.saw(id, event);
        }
    })
}

fn observed_event(message: &BorrowedMessage<'_>, read: i64) -> Option<(OrderId, ObservedEvent)> {
    let event = record::event_type(message)?;
    let decided: Timestamp = record::header(message, "ce_time")?.parse().ok()?;
    let observed_event = ObservedEvent {
        id: record::header(message, "ce_id")?.parse().ok()?,
        name: event.name,
        cause: record::header(message, "ce_causationid").and_then(|cause| cause.parse().ok()),
        decided: decided.as_microsecond(),
        published: message.timestamp().to_millis()? * 1000 + HALF_A_MILLISECOND_US,
        read,
        is_end: final_status(event.name).is_some(),
    };
    Some((record::order_id(message)?, observed_event))
}
