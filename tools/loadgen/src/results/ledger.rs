//! Ledger of one load: clients record accepted orders, the reader of events records final ones.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use contracts::OrderId;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::results::latency::{Latencies, Percentiles, QuantilePoint};

/// Maximum seconds that are counted separately; later events count in the last one.
const SECONDS_MAX: usize = 100_000;

/// Notification of the end of a saga.
pub(crate) type SagaEnd = oneshot::Receiver<()>;

/// Final status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FinalStatus {
    Confirmed,
    Cancelled,
}

/// Counts of orders and responses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct OrderCounts {
    /// Accepted with status 202.
    pub(crate) placed: u64,
    pub(crate) confirmed: u64,
    pub(crate) cancelled: u64,
    /// Responses with status 429 or 503. The order was sent again after the time in the response.
    pub(crate) busy_answers: u64,
    /// Orders that were never accepted: every attempt got status 429 or 503.
    pub(crate) given_up: u64,
    /// Requests that failed or got an unexpected response.
    pub(crate) failed: u64,
}

/// Results of a load. All but the counts concern the counted time.
#[derive(Debug, Clone)]
pub(crate) struct LoadResult {
    pub(crate) counts: OrderCounts,
    /// Counted time; from the first request to the last final event if all sagas count.
    pub(crate) elapsed: Duration,
    pub(crate) accepted: Percentiles,
    pub(crate) finished: Percentiles,
    pub(crate) finished_curve: Vec<QuantilePoint>,
    /// Orders that became final in each second.
    pub(crate) each_second: Vec<u64>,
    /// Delay between the due time and the sending of a request.
    pub(crate) sent_late: Percentiles,
    /// Error of the first failed request.
    pub(crate) failure: Option<String>,
}

/// Ledger of one load.
#[derive(Default)]
pub(crate) struct OrderLedger(Mutex<LedgerState>);

/// Accepted order that is not final.
struct OpenOrder {
    /// Start of its latency.
    since: Instant,
    end: oneshot::Sender<()>,
}

#[derive(Default)]
struct LedgerState {
    counts: OrderCounts,
    open: HashMap<OrderId, OpenOrder>,
    /// Orders that became final before their acceptance was recorded.
    early: HashMap<OrderId, (FinalStatus, Instant)>,
    /// Counted time; `None` if everything counts.
    window: Option<Range<Instant>>,
    accepted: Latencies,
    finished: Latencies,
    sent_late: Latencies,
    first_sent: Option<Instant>,
    last_final: Option<Instant>,
    each_second: Vec<u64>,
    failure: Option<String>,
}

impl OrderLedger {
    fn state(&self) -> MutexGuard<'_, LedgerState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Restricts the results to the events in this time.
    pub(crate) fn count_within(&self, window: Range<Instant>) {
        self.state().window = Some(window);
    }

    /// Records that a request that was due at `due` is sent now.
    pub(crate) fn sent(&self, due: Instant) {
        let mut state = self.state();
        state.first_sent = state.first_sent.map_or(Some(due), |first| Some(first.min(due)));
        if state.counts_at(Instant::now()) {
            state.sent_late.record(due.elapsed());
        }
    }

    /// Records that an order is accepted now. Its latency counts from `since`. Returns the notification of its end.
    pub(crate) fn accepted(&self, id: OrderId, since: Instant) -> SagaEnd {
        let (end, ended) = oneshot::channel();
        let mut state = self.state();
        state.counts.placed += 1;
        if state.counts_at(Instant::now()) {
            state.accepted.record(since.elapsed());
        }
        let order = OpenOrder { since, end };
        match state.early.remove(&id) {
            Some((status, at)) => state.finish(order, status, at),
            None => _ = state.open.insert(id, order),
        }
        ended
    }

    /// Records that an order became final at `at`.
    pub(crate) fn became_final(&self, id: OrderId, status: FinalStatus, at: Instant) {
        let mut state = self.state();
        match state.open.remove(&id) {
            Some(order) => state.finish(order, status, at),
            None => _ = state.early.insert(id, (status, at)),
        }
    }

    /// Records a response with status 429 or 503.
    pub(crate) fn was_busy(&self) {
        self.state().counts.busy_answers += 1;
    }

    /// Records that an order was not accepted in any attempt.
    pub(crate) fn gave_up(&self) {
        self.state().counts.given_up += 1;
    }

    /// Records a failed request.
    pub(crate) fn failed(&self, error: &anyhow::Error) {
        let mut state = self.state();
        state.counts.failed += 1;
        state.failure.get_or_insert_with(|| format!("{error:#}"));
    }

    /// Number of final orders.
    pub(crate) fn finals(&self) -> u64 {
        self.state().counts.finals()
    }

    /// Number of accepted orders that are not final.
    pub(crate) fn unfinished(&self) -> usize {
        self.state().open.len()
    }

    /// Returns the results and resets the ledger.
    pub(crate) fn close(&self) -> LoadResult {
        let state = std::mem::take(&mut *self.state());
        let all = state.first_sent.map(|first| first..state.last_final.unwrap_or(first));
        let elapsed = state.window.or(all).map(|time| time.end.saturating_duration_since(time.start));
        LoadResult {
            counts: state.counts,
            elapsed: elapsed.unwrap_or_default(),
            accepted: state.accepted.percentiles(),
            finished: state.finished.percentiles(),
            finished_curve: state.finished.curve(),
            each_second: state.each_second,
            sent_late: state.sent_late.percentiles(),
            failure: state.failure,
        }
    }
}

impl LedgerState {
    fn counts_at(&self, at: Instant) -> bool {
        self.window.as_ref().is_none_or(|window| window.contains(&at))
    }

    fn finish(&mut self, order: OpenOrder, status: FinalStatus, at: Instant) {
        match status {
            FinalStatus::Confirmed => self.counts.confirmed += 1,
            FinalStatus::Cancelled => self.counts.cancelled += 1,
        }
        self.last_final = self.last_final.max(Some(at));
        if self.counts_at(at) {
            self.finished.record(at.saturating_duration_since(order.since));
            self.count(at);
        }
        // Fails if nothing waits for the end.
        order.end.send(()).ok();
    }

    fn count(&mut self, at: Instant) {
        let start = self.window.as_ref().map(|window| window.start).or(self.first_sent);
        let since = start.map_or(Duration::ZERO, |start| at.saturating_duration_since(start));
        let second = usize::try_from(since.as_secs()).unwrap_or(usize::MAX).min(SECONDS_MAX);
        if self.each_second.len() <= second {
            self.each_second.resize(second + 1, 0);
        }
        self.each_second[second] += 1;
    }
}

impl OrderCounts {
    /// Number of final orders.
    pub(crate) fn finals(&self) -> u64 {
        self.confirmed + self.cancelled
    }

    /// Returns whether all requests were accepted and all accepted orders are final.
    pub(crate) fn is_complete(&self) -> bool {
        self.finals() == self.placed && self.given_up == 0 && self.failed == 0
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn order(number: u128) -> OrderId {
        OrderId(Uuid::from_u128(number))
    }

    #[test]
    fn latency_counts_from_due_time() {
        let ledger = OrderLedger::default();
        let due = Instant::now().checked_sub(5 * SECOND).unwrap();
        ledger.sent(due);
        ledger.accepted(order(1), due);
        ledger.became_final(order(1), FinalStatus::Confirmed, due + 7 * SECOND);
        let result = ledger.close();
        assert_eq!(result.elapsed, 7 * SECOND);
        assert_eq!(result.each_second, [0, 0, 0, 0, 0, 0, 0, 1]);
        assert!((7000.0..7010.0).contains(&result.finished.max_ms), "{result:?}");
        assert!(result.accepted.max_ms >= 5000.0 && result.sent_late.max_ms >= 5000.0, "{result:?}");
    }

    #[test]
    fn end_counts_when_read_before_the_response() {
        let ledger = OrderLedger::default();
        let due = Instant::now();
        ledger.became_final(order(1), FinalStatus::Cancelled, due + SECOND);
        assert_eq!((ledger.finals(), ledger.unfinished()), (0, 0));
        ledger.accepted(order(1), due);
        assert_eq!((ledger.finals(), ledger.unfinished()), (1, 0));
        assert!(ledger.close().counts.is_complete());
    }

    #[test]
    fn unfinished_order_makes_counts_incomplete() {
        let ledger = OrderLedger::default();
        ledger.accepted(order(1), Instant::now());
        ledger.became_final(order(2), FinalStatus::Confirmed, Instant::now());
        assert_eq!(ledger.unfinished(), 1);
        assert!(!ledger.close().counts.is_complete());
    }

    #[tokio::test]
    async fn client_is_notified_of_the_end_of_its_saga() {
        let ledger = OrderLedger::default();
        let mut first = ledger.accepted(order(1), Instant::now());
        let second = ledger.accepted(order(2), Instant::now());
        ledger.became_final(order(2), FinalStatus::Confirmed, Instant::now());
        second.await.unwrap();
        assert!(first.try_recv().is_err());
    }

    #[test]
    fn only_ends_within_the_window_count() {
        let ledger = OrderLedger::default();
        let start = Instant::now().checked_sub(10 * SECOND).unwrap();
        ledger.count_within(start + 2 * SECOND..start + 4 * SECOND);
        for (number, second) in [(1, 1), (2, 2), (3, 3), (4, 4)] {
            ledger.accepted(order(number), start);
            ledger.became_final(order(number), FinalStatus::Confirmed, start + second * SECOND);
        }
        let result = ledger.close();
        assert!(result.counts.is_complete() && result.counts.confirmed == 4, "{result:?}");
        assert_eq!((result.finished.count, result.accepted.count), (2, 0));
        assert_eq!((result.elapsed, result.each_second), (2 * SECOND, vec![1, 1]));
    }
}
