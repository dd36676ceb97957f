//! Which orders were placed, which became final, and when: what clients and the reader of events write down together.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use contracts::OrderId;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::latency::{Latencies, Percentiles, Point};

/// How long a client of a closed loop waits for one of the unfinished sagas to end.
const ADMISSION: Duration = Duration::from_mins(1);

/// How many seconds are counted apart; what is later counts as the last.
const SECONDS_MAX: usize = 100_000;

/// How an order can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Confirmed,
    Cancelled,
}

/// Counts of orders and of answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    /// Accepted by 202.
    pub(crate) placed: u64,
    pub(crate) confirmed: u64,
    pub(crate) cancelled: u64,
    /// Answers 503; the order was sent again after the time they named.
    pub(crate) busy_answers: u64,
    /// Orders never accepted: answered 503 to the last attempt.
    pub(crate) given_up: u64,
    /// Requests without an answer, or with one that no client expects.
    pub(crate) failed: u64,
}

/// What came of a load.
#[derive(Debug, Clone)]
pub(crate) struct Outcomes {
    pub(crate) tally: Tally,
    /// From the first request to the last final event.
    pub(crate) elapsed: Duration,
    pub(crate) accepted: Percentiles,
    pub(crate) finished: Percentiles,
    pub(crate) finished_curve: Vec<Point>,
    /// How many orders became final in each second since the first request.
    pub(crate) each_second: Vec<u64>,
    /// How long after its time a request was sent.
    pub(crate) sent_late: Percentiles,
    /// Why the first of the failed requests failed.
    pub(crate) failure: Option<String>,
}

/// The ledger of one load.
pub(crate) struct Ledger {
    books: Mutex<Books>,
    /// One permit for each saga that may begin.
    room: Semaphore,
}

#[derive(Default)]
struct Books {
    tally: Tally,
    /// Orders accepted and not final, with the time that their latency counts from.
    open: HashMap<OrderId, Instant>,
    /// Orders that were final before their acceptance was written down.
    early: HashMap<OrderId, (Outcome, Instant)>,
    accepted: Latencies,
    finished: Latencies,
    sent_late: Latencies,
    first_sent: Option<Instant>,
    last_final: Option<Instant>,
    each_second: Vec<u64>,
    failure: Option<String>,
}

impl Ledger {
    /// For loads with at most this many unfinished sagas, as far as clients ask by [`Ledger::admit`].
    pub(crate) fn new(in_flight: u32) -> Self {
        Self { books: Mutex::default(), room: Semaphore::new(in_flight as usize) }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one more saga may begin.
    ///
    /// # Errors
    /// None has ended for a long time.
    pub(crate) async fn admit(&self) -> Result<()> {
        let permit = timeout(ADMISSION, self.room.acquire()).await.context("no saga ends any more")??;
        permit.forget();
        Ok(())
    }

    /// A request that was due at `due` is sent now.
    pub(crate) fn sent(&self, due: Instant) {
        let mut books = self.books();
        books.first_sent = books.first_sent.map_or(Some(due), |first| Some(first.min(due)));
        books.sent_late.record(due.elapsed());
    }

    /// An order was accepted now; its latency counts from `since`.
    pub(crate) fn accepted(&self, id: OrderId, since: Instant) {
        let mut books = self.books();
        books.tally.placed += 1;
        books.accepted.record(since.elapsed());
        match books.early.remove(&id) {
            Some((outcome, at)) => books.finish(since, outcome, at),
            None => _ = books.open.insert(id, since),
        }
    }

    /// An order was read to be final at `at`.
    pub(crate) fn became_final(&self, id: OrderId, outcome: Outcome, at: Instant) {
        {
            let mut books = self.books();
            match books.open.remove(&id) {
                Some(since) => books.finish(since, outcome, at),
                None => _ = books.early.insert(id, (outcome, at)),
            }
        }
        self.room.add_permits(1);
    }

    /// An answer 503.
    pub(crate) fn was_busy(&self) {
        self.books().tally.busy_answers += 1;
    }

    /// An order was not accepted, however often it was sent.
    pub(crate) fn gave_up(&self) {
        self.books().tally.given_up += 1;
        self.room.add_permits(1);
    }

    /// A request failed.
    pub(crate) fn failed(&self, error: &anyhow::Error) {
        {
            let mut books = self.books();
            books.tally.failed += 1;
            books.failure.get_or_insert_with(|| format!("{error:#}"));
        }
        self.room.add_permits(1);
    }

    /// How many orders are final.
    pub(crate) fn finals(&self) -> u64 {
        self.books().tally.finals()
    }

    /// How many orders are accepted and not final.
    pub(crate) fn unfinished(&self) -> usize {
        self.books().open.len()
    }

    /// What came of the load; the ledger is as new then.
    pub(crate) fn close(&self) -> Outcomes {
        let books = std::mem::take(&mut *self.books());
        let end = books.last_final.or(books.first_sent);
        let elapsed = books.first_sent.zip(end).map(|(first, end)| end.saturating_duration_since(first));
        Outcomes {
            tally: books.tally,
            elapsed: elapsed.unwrap_or_default(),
            accepted: books.accepted.percentiles(),
            finished: books.finished.percentiles(),
            finished_curve: books.finished.curve(),
            each_second: books.each_second,
            sent_late: books.sent_late.percentiles(),
            failure: books.failure,
        }
    }
}

impl Books {
    fn finish(&mut self, since: Instant, outcome: Outcome, at: Instant) {
        match outcome {
            Outcome::Confirmed => self.tally.confirmed += 1,
            Outcome::Cancelled => self.tally.cancelled += 1,
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

impl Tally {
    /// How many orders are final.
    pub(crate) fn finals(&self) -> u64 {
        self.confirmed + self.cancelled
    }

    /// Whether every order that was sent was placed, and every one of these is final.
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
    fn latency_counts_from_when_the_request_was_due() {
        let ledger = Ledger::new(1);
        let due = Instant::now().checked_sub(5 * SECOND).unwrap();
        ledger.sent(due);
        ledger.accepted(order(1), due);
        ledger.became_final(order(1), Outcome::Confirmed, due + 7 * SECOND);
        let outcomes = ledger.close();
        assert_eq!(outcomes.elapsed, 7 * SECOND);
        assert_eq!(outcomes.each_second, [0, 0, 0, 0, 0, 0, 0, 1]);
        assert!((7000.0..7010.0).contains(&outcomes.finished.max_ms), "{outcomes:?}");
        assert!(outcomes.accepted.max_ms >= 5000.0 && outcomes.sent_late.max_ms >= 5000.0, "{outcomes:?}");
    }

    #[test]
    fn an_end_that_is_read_before_the_answer_counts() {
        let ledger = Ledger::new(1);
        let due = Instant::now();
        ledger.became_final(order(1), Outcome::Cancelled, due + SECOND);
        assert_eq!((ledger.finals(), ledger.unfinished()), (0, 0));
        ledger.accepted(order(1), due);
        assert_eq!((ledger.finals(), ledger.unfinished()), (1, 0));
        assert!(ledger.close().tally.is_complete());
    }

    #[test]
    fn an_order_that_is_not_final_is_not_forgotten() {
        let ledger = Ledger::new(1);
        ledger.accepted(order(1), Instant::now());
        ledger.became_final(order(2), Outcome::Confirmed, Instant::now());
        assert_eq!(ledger.unfinished(), 1);
        assert!(!ledger.close().tally.is_complete());
    }

    #[tokio::test]
    async fn a_saga_begins_when_another_has_ended() {
        let ledger = Ledger::new(1);
        ledger.admit().await.unwrap();
        assert!(timeout(Duration::from_millis(10), ledger.admit()).await.is_err());
        ledger.became_final(order(1), Outcome::Confirmed, Instant::now());
        ledger.admit().await.unwrap();
    }
}
