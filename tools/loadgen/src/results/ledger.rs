//! Ledger of one load: clients record accepted orders, the reader of events records final ones.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use contracts::OrderId;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::results::latency::{Latencies, Percentiles, QuantilePoint};

/// Maximum wait of a closed loop's client for the end of another saga.
const ADMISSION_TIMEOUT: Duration = Duration::from_mins(1);

/// Maximum seconds that are counted separately; later events count in the last one.
const SECONDS_MAX: usize = 100_000;

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
    /// Responses with status 503. The order was sent again after the time in the response.
    pub(crate) busy_answers: u64,
    /// Orders that were never accepted: every attempt got status 503.
    pub(crate) given_up: u64,
    /// Requests that failed or got an unexpected response.
    pub(crate) failed: u64,
}

/// Results of a load.
#[derive(Debug, Clone)]
pub(crate) struct LoadResult {
    pub(crate) counts: OrderCounts,
    /// From the first request to the last final event.
    pub(crate) elapsed: Duration,
    pub(crate) accepted: Percentiles,
    pub(crate) finished: Percentiles,
    pub(crate) finished_curve: Vec<QuantilePoint>,
    /// Orders that became final in each second since the first request.
    pub(crate) each_second: Vec<u64>,
    /// Delay between the due time and the sending of a request.
    pub(crate) sent_late: Percentiles,
    /// Error of the first failed request.
    pub(crate) failure: Option<String>,
}

/// Ledger of one load.
pub(crate) struct OrderLedger {
    state: Mutex<LedgerState>,
    /// One permit for each saga that may start.
    permits: Semaphore,
}

#[derive(Default)]
struct LedgerState {
    counts: OrderCounts,
    /// Accepted orders that are not final, with the start of their latency.
    open: HashMap<OrderId, Instant>,
    /// Orders that became final before their acceptance was recorded.
    early: HashMap<OrderId, (FinalStatus, Instant)>,
    accepted: Latencies,
    finished: Latencies,
    sent_late: Latencies,
    first_sent: Option<Instant>,
    last_final: Option<Instant>,
    each_second: Vec<u64>,
    failure: Option<String>,
}

impl OrderLedger {
    /// `in_flight` bounds the unfinished sagas of clients that call [`OrderLedger::admit`].
    pub(crate) fn new(in_flight: u32) -> Self {
        Self { state: Mutex::default(), permits: Semaphore::new(in_flight as usize) }
    }

    fn state(&self) -> MutexGuard<'_, LedgerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until another saga may start.
    ///
    /// # Errors
    /// No saga has ended for a long time.
    pub(crate) async fn admit(&self) -> Result<()> {
        let permit =
            timeout(ADMISSION_TIMEOUT, self.permits.acquire()).await.context("no saga has ended for a minute")??;
        permit.forget();
        Ok(())
    }

    /// Records that a request that was due at `due` is sent now.
    pub(crate) fn sent(&self, due: Instant) {
        let mut state = self.state();
        state.first_sent = state.first_sent.map_or(Some(due), |first| Some(first.min(due)));
        state.sent_late.record(due.elapsed());
    }

    /// Records that an order is accepted now. Its latency counts from `since`.
    pub(crate) fn accepted(&self, id: OrderId, since: Instant) {
        let mut state = self.state();
        state.counts.placed += 1;
        state.accepted.record(since.elapsed());
        match state.early.remove(&id) {
            Some((status, at)) => state.finish(since, status, at),
            None => _ = state.open.insert(id, since),
        }
    }

    /// Records that an order became final at `at`.
    pub(crate) fn became_final(&self, id: OrderId, status: FinalStatus, at: Instant) {
        {
            let mut state = self.state();
            match state.open.remove(&id) {
                Some(since) => state.finish(since, status, at),
                None => _ = state.early.insert(id, (status, at)),
            }
        }
        self.permits.add_permits(1);
    }

    /// Records a response with status 503.
    pub(crate) fn was_busy(&self) {
        self.state().counts.busy_answers += 1;
    }

    /// Records that an order was not accepted in any attempt.
    pub(crate) fn gave_up(&self) {
        self.state().counts.given_up += 1;
        self.permits.add_permits(1);
    }

    /// Records a failed request.
    pub(crate) fn failed(&self, error: &anyhow::Error) {
        {
            let mut state = self.state();
            state.counts.failed += 1;
            state.failure.get_or_insert_with(|| format!("{error:#}"));
        }
        self.permits.add_permits(1);
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
        let end = state.last_final.or(state.first_sent);
        let elapsed = state.first_sent.zip(end).map(|(first, end)| end.saturating_duration_since(first));
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
    fn finish(&mut self, since: Instant, status: FinalStatus, at: Instant) {
        match status {
            FinalStatus::Confirmed => self.counts.confirmed += 1,
            FinalStatus::Cancelled => self.counts.cancelled += 1,
        }
        self.finished.record(at.saturating_duration_since(since));
        self.last_final = self.last_final.max(Some(at));
        self.count(at);
    }

    fn count(&mut self, at: Instant) {
        let since = self.first_sent.map_or(Duration::ZERO, |first| at.saturating_duration_since(first));
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
        let ledger = OrderLedger::new(1);
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
        let ledger = OrderLedger::new(1);
        let due = Instant::now();
        ledger.became_final(order(1), FinalStatus::Cancelled, due + SECOND);
        assert_eq!((ledger.finals(), ledger.unfinished()), (0, 0));
        ledger.accepted(order(1), due);
        assert_eq!((ledger.finals(), ledger.unfinished()), (1, 0));
        assert!(ledger.close().counts.is_complete());
    }

    #[test]
    fn unfinished_order_makes_counts_incomplete() {
        let ledger = OrderLedger::new(1);
        ledger.accepted(order(1), Instant::now());
        ledger.became_final(order(2), FinalStatus::Confirmed, Instant::now());
        assert_eq!(ledger.unfinished(), 1);
        assert!(!ledger.close().counts.is_complete());
    }

    #[tokio::test]
    async fn admit_waits_for_the_end_of_a_saga() {
        let ledger = OrderLedger::new(1);
        ledger.admit().await.unwrap();
        assert!(timeout(Duration::from_millis(10), ledger.admit()).await.is_err());
        ledger.became_final(order(1), FinalStatus::Confirmed, Instant::now());
        ledger.admit().await.unwrap();
    }
}
