//! Sends orders, and waits until all of them are final.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime::Handle;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{interval, sleep};
use xtask::progress::Step;

use crate::catalog::Orders;
use crate::journal::{self, Journal};
use crate::ledger::Ledger;
use crate::order_api::{Answer, OrderApi};
use crate::plan::{Closed, Load, Until};
use crate::schedule::Schedule;

/// How often an order is sent that is answered 503.
const TRIES_MAX: u32 = 60;

/// Sagas are given up when none has ended for this time.
const STALLED: Duration = Duration::from_secs(45);

/// How soon the end of the last saga is noticed; it counts from its event, not from this.
const LOOK: Duration = Duration::from_millis(20);

/// How often progress is shown.
const SHOW: Duration = Duration::from_millis(200);

/// Where orders go to, and where it is written down.
pub(crate) struct Target {
    pub(crate) api: OrderApi,
    pub(crate) orders: Orders,
    pub(crate) ledger: Arc<Ledger>,
    /// Where every order's way is written down, if it is.
    pub(crate) journal: OnceLock<Arc<Journal>>,
}

/// Sends all orders of a load and waits for the end of their sagas; a saga that does not end is in the ledger.
///
/// # Errors
/// Something in this program failed.
pub(crate) async fn run(target: &Arc<Target>, load: &Load, step: &Step) -> Result<()> {
    let work = async {
        match load {
            Load::Closed(load) => closed(target, load).await?,
            Load::Open(schedule) => open(target, schedule).await?,
        }
        drain(&target.ledger).await;
        Ok(())
    };
    shown(work, &target.ledger, load, step).await
}

/// Works while progress is shown.
async fn shown<T>(work: impl Future<Output = T>, ledger: &Ledger, load: &Load, step: &Step) -> T {
    let started = Instant::now();
    let mut show = interval(SHOW);
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = show.tick() => step.reached(match load.length_in_seconds() {
                Some(seconds) => started.elapsed().as_secs().min(seconds),
                None => ledger.finals(),
            }),
        }
    }
}

/// The numbers of the orders of a closed loop, each given once.
struct Tickets {
    next: AtomicU64,
    until: Until,
    started: Instant,
}

impl Tickets {
    fn new(until: Until) -> Self {
        Self { next: AtomicU64::new(0), until, started: Instant::now() }
    }

    fn take(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let more = match self.until {
            Until::Orders(orders) => number < orders,
            Until::Elapsed(time) => self.started.elapsed() < time,
        };
        more.then_some(number)
    }
}

async fn closed(target: &Arc<Target>, load: &Closed) -> Result<()> {
    let tickets = Arc::new(Tickets::new(load.until));
    let mut clients = JoinSet::new();
    for _ in 0..load.clients {
        let (target, tickets) = (Arc::clone(target), Arc::clone(&tickets));
        clients.spawn(async move {
            while let Some(number) = tickets.take() {
                // When no saga ends any more, there is nothing to send; that is told at the end.
                if target.ledger.admit().await.is_err() {
                    return;
                }
                target.order(number, Instant::now()).await;
            }
        });
    }
    all(clients).await
}

async fn open(target: &Arc<Target>, schedule: &Schedule) -> Result<()> {
    let (target, times, runtime) = (Arc::clone(target), schedule.times(), Handle::current());
    // A thread of its own: the runtime's timers are no finer than a millisecond, which would count as the suite's.
    let sent = spawn_blocking(move || send_at(&target, times, &runtime));
    all(sent.await.context("the open loop failed")?).await
}

/// Starts a request at each of these times. What is under way at once is bounded by the rate and the limits of one request.
fn send_at(target: &Arc<Target>, times: impl Iterator<Item = Duration>, runtime: &Handle) -> JoinSet<()> {
    let mut requests = JoinSet::new();
    let started = Instant::now();
    for (number, time) in (0..).zip(times) {
        let due = started + time;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let target = Arc::clone(target);
        requests.spawn_on(async move { target.order(number, due).await }, runtime);
        while requests.try_join_next().is_some() {}
    }
    requests
}

async fn all(mut tasks: JoinSet<()>) -> Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended.context("a client failed")?;
    }
    Ok(())
}

impl Target {
    /// Sends an order until it is accepted, and writes down what came of it. Its latency counts from `due`.
    async fn order(&self, number: u64, due: Instant) {
        let body = self.orders.get(number);
        self.ledger.sent(due);
        let journal = self.journal.get().map(|journal| (journal, journal::now()));
        for _ in 0..TRIES_MAX {
            match self.api.place(body.clone()).await {
                Ok(Answer::Accepted(id)) => {
                    if let Some((journal, sent)) = journal {
                        journal.placed(id, sent, journal::now());
                    }
                    return self.ledger.accepted(id, due);
                }
                Ok(Answer::Busy(wait)) => {
                    self.ledger.was_busy();
                    sleep(wait).await;
                }
                Err(error) => return self.ledger.failed(&error),
            }
        }
        self.ledger.gave_up();
    }
}

/// Waits until no saga is unfinished, or none ends any more.
async fn drain(ledger: &Ledger) {
    let mut finals = ledger.finals();
    let mut moved = Instant::now();
    while ledger.unfinished() > 0 && moved.elapsed() < STALLED {
        sleep(LOOK).await;
        if ledger.finals() > finals {
            finals = ledger.finals();
            moved = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_has_one_ticket() {
        let tickets = Tickets::new(Until::Orders(3));
        let numbers: Vec<_> = std::iter::from_fn(|| tickets.take()).collect();
        assert_eq!(numbers, [0, 1, 2]);
        assert_eq!(tickets.take(), None);
    }

    #[test]
    fn there_are_no_tickets_after_the_time() {
        let tickets = Tickets::new(Until::Elapsed(Duration::ZERO));
        assert_eq!(tickets.take(), None);
    }
}
