//! Faults: processes that crash, freeze or terminate, an unavailable broker, passed deadlines and unexpected records. Each
//! test has its own suite.

mod broker;
mod crashes;
mod deadline;
mod healing;
mod parked_records;
mod partitions;
mod pauses;
mod poison;
mod rate_limit;
mod reaper;
mod shutdown;
mod unsent;
mod upgrade;
