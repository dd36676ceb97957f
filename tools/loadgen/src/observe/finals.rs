//! Reader of final events.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use contracts::{EventData as _, order::OrderPlaced};

use crate::environment::topics::{BenchTopics, StartOffset};
use crate::observe::follower::TopicFollower;
use crate::observe::record;
use crate::results::ledger::{FinalStatus, OrderLedger};

/// Reads the order service's events and records final orders in a ledger.
///
/// # Errors
/// The topic cannot be read.
pub(crate) fn follow(topics: &BenchTopics<'_>, ledger: Arc<OrderLedger>) -> Result<TopicFollower> {
    let consumer = topics.reader(&[OrderPlaced::TYPE.topic], StartOffset::FromBeginning)?;
    TopicFollower::start("finals", consumer, move |message| {
        if let Some(event) = record::event_type(message)
            && let Some(status) = final_status(event.name)
            && let Some(id) = record::order_id(message)
        {
            ledger.became_final(id, status, Instant::now());
        }
    })
}

/// Final status that the event gives to its order, if any.
pub(crate) fn final_status(event: &str) -> Option<FinalStatus> {
    match event {
        "OrderConfirmed" => Some(FinalStatus::Confirmed),
        "OrderCancelled" => Some(FinalStatus::Cancelled),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use contracts::{Contract as _, order::OrderEvent};

    use super::*;

    #[test]
    fn final_status_is_known_for_two_events() {
        let name = |status: FinalStatus| format!("Order{status:?}");
        let ends: Vec<_> = OrderEvent::TYPES.iter().filter_map(|known| final_status(known.name)).map(name).collect();
        assert_eq!(ends, ["OrderConfirmed", "OrderCancelled"]);
    }
}
