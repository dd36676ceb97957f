//! A full batch of commands through the runtime and SQLite: decided, appended and written to disk.

use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, Throughput};
use decider::{Decider, Service};
use inventory::decider::Inventory;
use order::decider::Order;
use runtime::{Cause, benches::Batches};
use tokio::runtime::Runtime;

use crate::samples::{BenchDatabase, PRODUCTS, list, place, products, receive, reserve};

/// Batch size under load.
const INPUTS: usize = 512;

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group(format!("batch of {INPUTS}"));
    // Every sample uses a new database and, by flat sampling, the same number of batches.
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

/// Creates the command with this number, and its cause.
type Given<S> = fn(usize) -> (Cause, <S as Decider>::Command);

/// Duration of this many batches, in which each command results in one public event. `product` prepares each product.
async fn time<S: Service>(product: Given<S>, command: Given<S>, batches: u64) -> Duration {
    let database = BenchDatabase::new();
    let mut service = Batches::<S>::on(database.store());
    service.commit((0..PRODUCTS).map(product)).await.expect("commits");
    let mut took = Duration::ZERO;
    for _ in 0..batches {
        let commands: Vec<_> = (0..INPUTS).map(command).collect();
        let started = Instant::now();
        let events = service.commit(commands).await.expect("commits");
        took += started.elapsed();
        assert_eq!(events, INPUTS, "each command results in one event");
    }
    took
}
