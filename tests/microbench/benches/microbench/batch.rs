//! A full batch of inputs through the shell and SQLite: decided, appended, in the outbox, and on the disk.

use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, Throughput};
use decider::{Decider, Service};
use inventory::decider::Inventory;
use order::decider::Order;
use runtime::{Cause, benches::Batches};
use tokio::runtime::Runtime;

use crate::samples::{Database, PRODUCTS, list, place, products, receive, reserve};

/// As many as under load.
const INPUTS: usize = 512;

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group(format!("batch of {INPUTS}"));
    // Every sample has a database of its own, in which there are as many batches as in any other.
    group.sampling_mode(SamplingMode::Flat).sample_size(20).measurement_time(Duration::from_secs(10));
    group.throughput(Throughput::Elements(INPUTS as u64));
    group.bench_function("order: Place", |bencher| {
        bencher.iter_custom(|batches| runtime.block_on(time::<Order>(list, place, batches)));
    });
    group.bench_function("inventory: Reserve", |bencher| {
        let reserve = |number| reserve(&products(number));
        bencher.iter_custom(|batches| runtime.block_on(time::<Inventory>(receive, reserve, batches)));
    });
    group.finish();
}

/// A command with its number, and why it is given.
type Given<S> = fn(usize) -> (Cause, <S as Decider>::Command);

/// How long so many batches take in which each command leads to one event for others, after what each product begins with.
async fn time<S: Service>(product: Given<S>, command: Given<S>, batches: u64) -> Duration {
    let database = Database::new();
    let mut service = Batches::<S>::on(database.store());
    service.commit((0..PRODUCTS).map(product)).await.expect("commits");
    let mut took = Duration::ZERO;
    for _ in 0..batches {
        let commands: Vec<_> = (0..INPUTS).map(command).collect();
        let began = Instant::now();
        let events = service.commit(commands).await.expect("commits");
        took += began.elapsed();
        assert_eq!(events, INPUTS, "each led to what it should");
    }
    took
}
