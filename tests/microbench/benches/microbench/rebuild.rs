//! State of a stream: from its latest snapshot, as when a service loads it, and from its log alone, as in `sagactl
//! rebuild`.

use std::hint::black_box;

use criterion::Criterion;
use decider::StreamId;
use inventory::{decider::Inventory, policy::STOCK};
use runtime::{
    AsOf, audit,
    benches::{Batches, rebuild},
};
use store::{EventStore, Store as _};
use tokio::runtime::Runtime;

use crate::samples::{BenchDatabase, receive, reserve, sku};

/// Events in the stream up to its latest snapshot.
const UNTIL_SNAPSHOT: usize = 10_000;
/// Maximum events after a snapshot.
const SINCE: usize = 99;
const EVENTS: usize = UNTIL_SNAPSHOT + SINCE;
/// Commands per batch.
const BATCH: usize = 500;

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let database = BenchDatabase::new();
    let store = database.store();
    runtime.block_on(fill(&store));
    let mut group = criterion.benchmark_group("rebuild");
    group.bench_function(format!("from a snapshot and {SINCE} events"), |bencher| {
        bencher.iter(|| runtime.block_on(from_snapshot(&store)));
    });
    group.bench_function(format!("from {EVENTS} events"), |bencher| {
        bencher.iter(|| runtime.block_on(from_log(&store)));
    });
    group.finish();
}

fn stream() -> StreamId {
    StreamId::new(STOCK, sku(0))
}

/// Fills the stream of one product's stock with reservations.
async fn fill(store: &EventStore) {
    let mut inventory = Batches::<Inventory>::on(store.clone());
    let mut commands = std::iter::once(receive(0)).chain((1..EVENTS).map(|_| reserve(&[0]))).peekable();
    while commands.peek().is_some() {
        inventory.commit(commands.by_ref().take(BATCH).collect::<Vec<_>>()).await.expect("commits");
    }
    let stored = store.load(stream(), AsOf::Latest).await.expect("loads");
    assert_eq!((stored.version, stored.events.len()), (EVENTS as u64, SINCE));
}

async fn from_snapshot(store: &EventStore) {
    let stored = store.load(stream(), AsOf::Latest).await.expect("loads");
    black_box(rebuild::<Inventory>(stored).expect("reads"));
}

async fn from_log(store: &EventStore) {
    let audit = audit::<Inventory>(store, &stream(), AsOf::Latest).await.expect("reads");
    assert_eq!((audit.version, audit.differences), (EVENTS as u64, vec![]));
}
