//! Sends the orders of a load and waits until all of them are final.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime::Handle;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{interval, sleep, timeout};
use xtask::progress::ProgressStep;

use crate::load::order_api::{OrderApi, PlaceOrderReply};
use crate::load::order_bodies::OrderBodies;
use crate::load::plan::{ClosedLoop, Load, LoopEnd};
use crate::load::schedule::Schedule;
use crate::results::ledger::{OrderLedger, SagaEnd};
use crate::results::trace::{self, OrderTraces};

/// Maximum attempts to send an order that is answered with status 429 or 503.
const ATTEMPTS_MAX: u32 = 60;

/// Time after which a client stops to wait for the end of its saga, and time without the end of any saga after which the
/// generator stops to wait for the rest.
const STALL_TIMEOUT: Duration = Duration::from_secs(45);

/// Interval between checks for the end of the last saga. Latencies come from events, so it does not affect them.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Interval between updates of the progress display.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// Destination of orders, and the records of their progress.
pub(crate) struct LoadTarget {
    pub(crate) api: OrderApi,
    pub(crate) orders: OrderBodies,
    pub(crate) ledger: Arc<OrderLedger>,
    /// Traces of single orders, if orders are followed.
    pub(crate) traces: OnceLock<Arc<OrderTraces>>,
}

/// Sends all orders of a load that starts at `started`, and waits for the end of their sagas. Sagas that do not end stay
/// open in the ledger.
///
/// # Errors
/// A task of this program failed.
pub(crate) async fn run(target: &Arc<LoadTarget>, load: &Load, started: Instant, step: &ProgressStep) -> Result<()> {
    let work = async {
        match load {
            Load::Closed(load) => closed(target, load, started).await?,
            Load::Open(schedule) => open(target, schedule).await?,
        }
        drain(&target.ledger).await;
        Ok(())
    };
    shown(work, &target.ledger, load, step).await
}

/// Updates the progress display while the work runs.
async fn shown<T>(work: impl Future<Output = T>, ledger: &OrderLedger, load: &Load, step: &ProgressStep) -> T {
    let started = Instant::now();
    let mut show = interval(PROGRESS_INTERVAL);
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

/// Numbers of the orders of a closed loop, each handed out once.
struct Permits {
    next: AtomicU64,
    until: LoopEnd,
    started: Instant,
}

impl Permits {
    fn new(until: LoopEnd, started: Instant) -> Self {
        Self { next: AtomicU64::new(0), until, started }
    }

    fn take(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let more = match self.until {
            LoopEnd::Orders(orders) => number < orders,
            LoopEnd::Elapsed { before, counted } => self.started.elapsed() < before + counted,
        };
        more.then_some(number)
    }
}

async fn closed(target: &Arc<LoadTarget>, load: &ClosedLoop, started: Instant) -> Result<()> {
    let permits = Arc::new(Permits::new(load.until, started));
    let mut clients = JoinSet::new();
    for client in 0..load.in_flight {
        let (target, permits, start) = (Arc::clone(target), Arc::clone(&permits), load.starts_after(client));
        clients.spawn(async move {
            sleep(start).await;
            while let Some(number) = permits.take() {
                // The client of an order without an end stops: more orders would not help, and the report shows it.
                let Some(end) = target.order(number, Instant::now()).await else { return };
                let Ok(Ok(())) = timeout(STALL_TIMEOUT, end).await else { return };
            }
        });
    }
    all(clients).await
}

async fn open(target: &Arc<LoadTarget>, schedule: &Schedule) -> Result<()> {
    let (target, times, runtime) = (Arc::clone(target), schedule.times(), Handle::current());
    // A separate thread, because the runtime's timers have a resolution of one millisecond, which would count as the
    // suite's.
    let sent = spawn_blocking(move || send_at(&target, times, &runtime));
    all(sent.await.context("open loop failed")?).await
}

/// Starts a request at each of these times. The rate and the time limit of a request bound the number of open requests.
fn send_at(target: &Arc<LoadTarget>, times: impl Iterator<Item = Duration>, runtime: &Handle) -> JoinSet<()> {
    let mut requests = JoinSet::new();
    let started = Instant::now();
    for (number, time) in (0..).zip(times) {
        let due = started + time;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let target = Arc::clone(target);
        requests.spawn_on(async move { _ = target.order(number, due).await }, runtime);
        while requests.try_join_next().is_some() {}
    }
    requests
}

async fn all(mut tasks: JoinSet<()>) -> Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended.context("client task failed")?;
    }
    Ok(())
}

impl LoadTarget {
    /// Sends an order until it is accepted, and records the result. Its latency counts from `due`. Returns the
    /// notification of its end, or `None` if it was not accepted.
    async fn order(&self, number: u64, due: Instant) -> Option<SagaEnd> {
        let body = self.orders.get(number);
        self.ledger.sent(due);
        let traces = self.traces.get().map(|traces| (traces, trace::now()));
        for _ in 0..ATTEMPTS_MAX {
            match self.api.place(body.clone()).await {
                Ok(PlaceOrderReply::Accepted(id)) => {
                    if let Some((traces, sent)) = traces {
                        traces.placed(id, sent, trace::now());
                    }
                    return Some(self.ledger.accepted(id, due));
                }
                Ok(PlaceOrderReply::Busy(wait)) => {
                    self.ledger.was_busy();
                    sleep(wait).await;
                }
                Err(error) => {
                    self.ledger.failed(&error);
                    return None;
                }
            }
        }
        self.ledger.gave_up();
        None
    }
}

/// Waits until no saga is unfinished, or until no saga has ended for a long time.
async fn drain(ledger: &OrderLedger) {
    let mut finals = ledger.finals();
    let mut moved = Instant::now();
    while ledger.unfinished() > 0 && moved.elapsed() < STALL_TIMEOUT {
        sleep(POLL_INTERVAL).await;
        if ledger.finals() > finals {
            finals = ledger.finals();
            moved = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests;
