//! Results of a load: latencies, counts and traces of orders.

pub(crate) mod latency;
pub(crate) mod ledger;
pub(crate) mod trace;
