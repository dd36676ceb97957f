#![doc = include_str!("../../README.md")]

mod batch;
mod events;
mod rebuild;
mod samples;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    let criterion = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    let mut criterion = criterion.configure_from_args();
    events::measure(&mut criterion);
    batch::measure(&mut criterion);
    rebuild::measure(&mut criterion);
    criterion.final_summary();
}
