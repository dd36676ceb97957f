//! Reads from Kafka which orders are final.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use contracts::{Contract, order::OrderEvent};

use crate::follower::Follower;
use crate::ledger::{Ledger, Outcome};
use crate::record;
use crate::topics::{Reading, Topics};

/// Reads the order service's events from now on and writes into a ledger.
///
/// # Errors
/// The topic can't be read.
pub(crate) fn follow(topics: &Topics<'_>, ledger: Arc<Ledger>) -> Result<Follower> {
    let consumer = topics.reader(&[OrderEvent::TOPIC], Reading::FromBeginning)?;
    Follower::start("finals", consumer, move |message| {
        if let Some(event) = record::event_type(message)
            && let Some(outcome) = outcome_of(event.name)
            && let Some(id) = record::order_id(message)
        {
            ledger.became_final(id, outcome, Instant::now());
        }
    })
}

/// How an order ends with this event, if it does.
pub(crate) fn outcome_of(event: &str) -> Option<Outcome> {
    match event {
        "OrderConfirmed" => Some(Outcome::Confirmed),
        "OrderCancelled" => Some(Outcome::Cancelled),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_the_order_services_events_are_an_end() {
        let name = |outcome: Outcome| format!("Order{outcome:?}");
        let ends: Vec<_> = OrderEvent::TYPES.iter().filter_map(|known| outcome_of(known.name)).map(name).collect();
        assert_eq!(ends, ["OrderConfirmed", "OrderCancelled"]);
    }
}
