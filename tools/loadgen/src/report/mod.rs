//! Reports: text for people, JSON for machines.

mod bench_report;
#[cfg(test)]
pub(crate) mod fixtures;
mod goals;
mod json;
mod selection;
mod text;

pub(crate) use bench_report::BenchReport;
pub(crate) use json::save;
