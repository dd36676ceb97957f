//! Reads from Kafka which orders are final.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use contracts::{Contract, OrderId, event_type_of, order::OrderEvent};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::ledger::{Ledger, Outcome};
use crate::topics::Topics;

/// How soon it is noticed that reading shall end.
const POLL: Duration = Duration::from_millis(100);

/// A thread that reads the order service's events and writes into a ledger. Dropped, it ends.
pub(crate) struct Finals {
    reading: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Finals {
    /// Reads from now on.
    ///
    /// # Errors
    /// The topic can't be read.
    pub(crate) fn follow(topics: &Topics<'_>, ledger: Arc<Ledger>) -> Result<Self> {
        let consumer = topics.consumer()?;
        let name = topics.full_name(OrderEvent::TOPIC);
        let mut all = TopicPartitionList::new();
        for partition in topics.partitions(&consumer, OrderEvent::TOPIC)? {
            all.add_partition_offset(&name, partition, Offset::Beginning)?;
        }
        consumer.assign(&all)?;
        let reading = Arc::new(AtomicBool::new(true));
        let flag = Arc::clone(&reading);
        let thread = thread::Builder::new().name("finals".to_owned());
        let thread = thread.spawn(move || read(&consumer, &ledger, &flag)).context("cannot start a thread")?;
        Ok(Self { reading, thread: Some(thread) })
    }
}

impl Drop for Finals {
    fn drop(&mut self) {
        self.reading.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn read(consumer: &BaseConsumer, ledger: &Ledger, reading: &AtomicBool) {
    while reading.load(Ordering::Relaxed) {
        // An error is about the connection. The client mends it, or orders are missing at the end, which is told then.
        if let Some(Ok(message)) = consumer.poll(POLL)
            && let Some((id, outcome)) = ending(&message)
        {
            ledger.became_final(id, outcome, Instant::now());
        }
    }
}

/// Which order a record says to be final.
fn ending(message: &BorrowedMessage<'_>) -> Option<(OrderId, Outcome)> {
    let headers = message.headers()?;
    let ce_type = headers.iter().find(|header| header.key == "ce_type")?.value?;
    let outcome = outcome_of(std::str::from_utf8(ce_type).ok()?)?;
    let id = std::str::from_utf8(message.key()?).ok()?.parse().ok()?;
    Some((id, outcome))
}

fn outcome_of(ce_type: &str) -> Option<Outcome> {
    match event_type_of(ce_type)?.name {
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
        let known: Vec<_> = OrderEvent::TYPES.iter().map(|known| known.name).collect();
        let ends = known.iter().filter_map(|event| outcome_of(&format!("com.example.ordersaga.{event}")));
        let ends: Vec<_> = ends.map(name).collect();
        assert_eq!(ends, ["OrderConfirmed", "OrderCancelled"]);
        assert!(outcome_of("org.example.OrderConfirmed").is_none());
    }
}
