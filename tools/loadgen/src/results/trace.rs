//! Traces of single orders, hop by hop, from the events of many orders.
//!
//! All data is public. `ce_time` is the time of the decision, `ce_causationid` names the causing event, and Kafka's
//! record timestamp is the time of publishing. All services, Kafka and this program run on one machine, hence on one
//! clock.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contracts::{EventId, OrderId};
use jiff::Timestamp;
use serde::Serialize;

use crate::results::latency::{Latencies, Percentiles};

/// Microseconds since 1970.
pub(crate) type Micros = i64;

/// Current time.
pub(crate) fn now() -> Micros {
    Timestamp::now().as_microsecond()
}

/// An event with its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObservedEvent {
    pub(crate) id: EventId,
    pub(crate) name: &'static str,
    /// The causing event; `None` if a request caused it.
    pub(crate) cause: Option<EventId>,
    pub(crate) decided: Micros,
    pub(crate) published: Micros,
    pub(crate) read: Micros,
    /// True if the event makes the order final.
    pub(crate) is_end: bool,
}

/// Latencies of the same hop in many orders.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct HopStatistics {
    pub(crate) from: String,
    pub(crate) to: String,
    #[serde(flatten)]
    pub(crate) took: Percentiles,
    /// Median time from sending the order to the end of the hop.
    pub(crate) reached_p50_ms: f64,
}

/// Traces of many orders.
#[derive(Default)]
pub(crate) struct OrderTraces(Mutex<HashMap<OrderId, OrderTrace>>);

/// Trace of one order.
#[derive(Default)]
struct OrderTrace {
    /// Times of sending and acceptance.
    request: Option<(Micros, Micros)>,
    events: Vec<ObservedEvent>,
}

/// One hop of one order.
struct Hop {
    from: String,
    to: String,
    started: Micros,
    ended: Micros,
}

impl OrderTraces {
    fn traces(&self) -> MutexGuard<'_, HashMap<OrderId, OrderTrace>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the times at which an order was sent and accepted.
    pub(crate) fn placed(&self, id: OrderId, sent: Micros, accepted: Micros) {
        self.traces().entry(id).or_default().request = Some((sent, accepted));
    }

    /// Records an event of an order. Duplicates are ignored.
    pub(crate) fn saw(&self, id: OrderId, event: ObservedEvent) {
        let mut traces = self.traces();
        let events = &mut traces.entry(id).or_default().events;
        if events.iter().all(|known| known.id != event.id) {
            events.push(event);
        }
    }

    /// Number of placed orders without a final event.
    pub(crate) fn missing(&self) -> usize {
        self.traces().values().filter(|trace| trace.request.is_some() && trace.end().is_none()).count()
    }

    /// Hops of all final orders, ordered by their end, and finally the whole trace.
    pub(crate) fn hops(&self) -> Vec<HopStatistics> {
        let mut hops: HashMap<_, (Latencies, Latencies)> = HashMap::new();
        let mut whole = Latencies::default();
        for trace in self.traces().values() {
            let (Some((sent, _)), Some(end)) = (trace.request, trace.end()) else { continue };
            for hop in trace.hops() {
                let (took, reached) = hops.entry((hop.from, hop.to)).or_default();
                took.record(between(hop.started, hop.ended));
                reached.record(between(sent, hop.ended));
            }
            whole.record(between(sent, end.read));
        }
        let hop = |((from, to), (took, reached)): ((String, String), (Latencies, Latencies))| {
            let reached_p50_ms = reached.percentiles().p50_ms;
            HopStatistics { from, to, took: took.percentiles(), reached_p50_ms }
        };
        let mut hops: Vec<_> = hops.into_iter().map(hop).collect();
        hops.sort_by(|a, b| a.reached_p50_ms.total_cmp(&b.reached_p50_ms).then_with(|| a.to.cmp(&b.to)));
        if !hops.is_empty() {
            let took = whole.percentiles();
            hops.push(HopStatistics {
                from: "sent".into(),
                to: "read as final".into(),
                took,
                reached_p50_ms: took.p50_ms,
            });
        }
        hops
    }
}

impl OrderTrace {
    fn end(&self) -> Option<&ObservedEvent> {
        self.events.iter().find(|event| event.is_end)
    }

    fn hops(&self) -> impl Iterator<Item = Hop> {
        let answer = self.request.map(|(sent, accepted)| hop("sent", "accepted (202)", sent, accepted));
        answer.into_iter().chain(self.events.iter().flat_map(|event| self.hops_of(event)))
    }

    /// Hops to the event's decision, to its publishing and, for a final event, to its reader.
    fn hops_of(&self, event: &ObservedEvent) -> Vec<Hop> {
        let (decided, published) = (format!("{} decided", event.name), format!("{} published", event.name));
        let before = match event.cause {
            None => self.request.map(|(sent, _)| ("sent".to_owned(), sent)),
            Some(cause) => {
                let cause = self.events.iter().find(|known| known.id == cause);
                cause.map(|cause| (format!("{} published", cause.name), cause.published))
            }
        };
        let mut hops: Vec<_> = before.map(|(from, at)| hop(&from, &decided, at, event.decided)).into_iter().collect();
        hops.push(hop(&decided, &published, event.decided, event.published));
        if event.is_end {
            hops.push(hop(&published, &format!("{} read", event.name), event.published, event.read));
        }
        hops
    }
}

fn hop(from: &str, to: &str, started: Micros, ended: Micros) -> Hop {
    Hop { from: from.to_owned(), to: to.to_owned(), started, ended }
}

/// Duration of a hop. Differences can be negative because Kafka's timestamps are whole milliseconds; those count as
/// zero.
fn between(started: Micros, ended: Micros) -> Duration {
    Duration::from_micros(u64::try_from(ended - started).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn event(number: u128, name: &'static str, cause: Option<u128>, decided: Micros) -> ObservedEvent {
        let id = |number| EventId(Uuid::from_u128(number));
        let (published, read) = (decided + 2_000, decided + 3_000);
        ObservedEvent { id: id(number), name, cause: cause.map(id), decided, published, read, is_end: name == "End" }
    }

    fn order(number: u128) -> OrderId {
        OrderId(Uuid::from_u128(number))
    }

    #[test]
    fn hops_lead_from_cause_to_decision_to_publishing() {
        let traces = OrderTraces::default();
        // Topics are read in any order.
        traces.saw(order(1), event(2, "End", Some(1), 10_000));
        traces.saw(order(1), event(1, "Begin", None, 1_000));
        traces.placed(order(1), 0, 4_000);
        let hops: Vec<_> =
            traces.hops().iter().map(|hop| format!("{}-{}: {:.0}", hop.from, hop.to, hop.took.p50_ms)).collect();
        let expected = [
            "sent-Begin decided: 1",
            "Begin decided-Begin published: 2",
            "sent-accepted (202): 4",
            "Begin published-End decided: 7",
            "End decided-End published: 2",
            "End published-End read: 1",
            "sent-read as final: 13",
        ];
        assert_eq!(hops, expected);
    }

    #[test]
    fn hops_cover_only_final_orders_of_the_load() {
        let traces = OrderTraces::default();
        traces.saw(order(1), event(1, "End", None, 1_000));
        traces.placed(order(2), 0, 500);
        assert_eq!((traces.missing(), traces.hops()), (1, vec![]));
        traces.saw(order(2), event(2, "End", None, 1_000));
        traces.saw(order(2), event(2, "End", None, 1_000));
        let counts: Vec<_> = traces.hops().iter().map(|hop| hop.took.count).collect();
        assert_eq!((traces.missing(), counts), (0, vec![1; 5]));
    }
}
