//! One order's way, hop by hop: what many orders' events say about when each thing happened.
//!
//! Nothing here is known to this program alone. An event says by `ce_time` when it was decided and by `ce_causationid` what led
//! to it, and Kafka says when its record was handed over for publishing. All of them, and this program, go by one clock.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contracts::{EventId, OrderId};
use jiff::Timestamp;
use serde::Serialize;

use crate::latency::{Latencies, Percentiles};

/// Microseconds since 1970.
pub(crate) type Micros = i64;

/// The present time.
pub(crate) fn now() -> Micros {
    Timestamp::now().as_microsecond()
}

/// An event as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sighting {
    pub(crate) id: EventId,
    pub(crate) name: &'static str,
    /// The event that led to it; none if a request did.
    pub(crate) cause: Option<EventId>,
    pub(crate) decided: Micros,
    pub(crate) published: Micros,
    pub(crate) read: Micros,
    /// With it the order is final.
    pub(crate) is_end: bool,
}

/// From one thing that happens to an order to the next.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Hop {
    pub(crate) from: String,
    pub(crate) to: String,
    #[serde(flatten)]
    pub(crate) took: Percentiles,
    /// The median of the time from sending the order to the end of this hop.
    pub(crate) reached_p50_ms: f64,
}

/// The ways of many orders.
#[derive(Default)]
pub(crate) struct Journal(Mutex<HashMap<OrderId, Way>>);

/// What is known of one order.
#[derive(Default)]
struct Way {
    /// When it was sent and when it was accepted.
    request: Option<(Micros, Micros)>,
    events: Vec<Sighting>,
}

/// One hop of one order.
struct Leg {
    from: String,
    to: String,
    began: Micros,
    ended: Micros,
}

impl Journal {
    fn ways(&self) -> MutexGuard<'_, HashMap<OrderId, Way>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An order was sent and accepted at these times.
    pub(crate) fn placed(&self, id: OrderId, sent: Micros, accepted: Micros) {
        self.ways().entry(id).or_default().request = Some((sent, accepted));
    }

    /// One of an order's events was read. One that is read again changes nothing.
    pub(crate) fn saw(&self, id: OrderId, event: Sighting) {
        let mut ways = self.ways();
        let events = &mut ways.entry(id).or_default().events;
        if events.iter().all(|known| known.id != event.id) {
            events.push(event);
        }
    }

    /// How many of the orders placed have not been read to be final.
    pub(crate) fn missing(&self) -> usize {
        self.ways().values().filter(|way| way.request.is_some() && way.end().is_none()).count()
    }

    /// All hops of the orders that are final, in the order of their ends, and at last the whole way.
    pub(crate) fn hops(&self) -> Vec<Hop> {
        let mut hops: HashMap<_, (Latencies, Latencies)> = HashMap::new();
        let mut whole = Latencies::default();
        for way in self.ways().values() {
            let (Some((sent, _)), Some(end)) = (way.request, way.end()) else { continue };
            for leg in way.legs() {
                let (took, reached) = hops.entry((leg.from, leg.to)).or_default();
                took.record(between(leg.began, leg.ended));
                reached.record(between(sent, leg.ended));
            }
            whole.record(between(sent, end.read));
        }
        let hop = |((from, to), (took, reached)): ((String, String), (Latencies, Latencies))| {
            let reached_p50_ms = reached.percentiles().p50_ms;
            Hop { from, to, took: took.percentiles(), reached_p50_ms }
        };
        let mut hops: Vec<_> = hops.into_iter().map(hop).collect();
        hops.sort_by(|a, b| a.reached_p50_ms.total_cmp(&b.reached_p50_ms).then_with(|| a.to.cmp(&b.to)));
        if !hops.is_empty() {
            let took = whole.percentiles();
            hops.push(Hop { from: "sent".into(), to: "read as final".into(), took, reached_p50_ms: took.p50_ms });
        }
        hops
    }
}

impl Way {
    fn end(&self) -> Option<&Sighting> {
        self.events.iter().find(|event| event.is_end)
    }

    fn legs(&self) -> impl Iterator<Item = Leg> {
        let answer = self.request.map(|(sent, accepted)| leg("sent", "answered by 202", sent, accepted));
        answer.into_iter().chain(self.events.iter().flat_map(|event| self.legs_of(event)))
    }

    /// To the event's decision, to its publishing and, at the end, to its reader.
    fn legs_of(&self, event: &Sighting) -> Vec<Leg> {
        let (decided, published) = (format!("{} decided", event.name), format!("{} published", event.name));
        let before = match event.cause {
            None => self.request.map(|(sent, _)| ("sent".to_owned(), sent)),
            Some(cause) => {
                let cause = self.events.iter().find(|known| known.id == cause);
                cause.map(|cause| (format!("{} published", cause.name), cause.published))
            }
        };
        let mut legs: Vec<_> = before.map(|(from, at)| leg(&from, &decided, at, event.decided)).into_iter().collect();
        legs.push(leg(&decided, &published, event.decided, event.published));
        if event.is_end {
            legs.push(leg(&published, &format!("{} read", event.name), event.published, event.read));
        }
        legs
    }
}

fn leg(from: &str, to: &str, began: Micros, ended: Micros) -> Leg {
    Leg { from: from.to_owned(), to: to.to_owned(), began, ended }
}

/// Never negative: Kafka's times are not exact enough for that.
fn between(began: Micros, ended: Micros) -> Duration {
    Duration::from_micros(u64::try_from(ended - began).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn event(number: u128, name: &'static str, cause: Option<u128>, decided: Micros) -> Sighting {
        let id = |number| EventId(Uuid::from_u128(number));
        let (published, read) = (decided + 2_000, decided + 3_000);
        Sighting { id: id(number), name, cause: cause.map(id), decided, published, read, is_end: name == "End" }
    }

    fn order(number: u128) -> OrderId {
        OrderId(Uuid::from_u128(number))
    }

    #[test]
    fn each_event_has_a_hop_from_its_cause_and_one_to_its_publishing() {
        let journal = Journal::default();
        // Topics are read in any order.
        journal.saw(order(1), event(2, "End", Some(1), 10_000));
        journal.saw(order(1), event(1, "Begin", None, 1_000));
        journal.placed(order(1), 0, 4_000);
        let hops: Vec<_> =
            journal.hops().iter().map(|hop| format!("{}-{}: {:.0}", hop.from, hop.to, hop.took.p50_ms)).collect();
        let expected = [
            "sent-Begin decided: 1",
            "Begin decided-Begin published: 2",
            "sent-answered by 202: 4",
            "Begin published-End decided: 7",
            "End decided-End published: 2",
            "End published-End read: 1",
            "sent-read as final: 13",
        ];
        assert_eq!(hops, expected);
    }

    #[test]
    fn only_orders_of_this_load_that_are_final_count() {
        let journal = Journal::default();
        journal.saw(order(1), event(1, "End", None, 1_000));
        journal.placed(order(2), 0, 500);
        assert_eq!((journal.missing(), journal.hops()), (1, vec![]));
        journal.saw(order(2), event(2, "End", None, 1_000));
        journal.saw(order(2), event(2, "End", None, 1_000));
        let counts: Vec<_> = journal.hops().iter().map(|hop| hop.took.count).collect();
        assert_eq!((journal.missing(), counts), (0, vec![1; 5]));
    }
}
