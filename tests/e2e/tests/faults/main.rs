//! What goes wrong around the saga: processes that die, freeze or are told to end, a broker that is away, deadlines that
//! pass, records that nobody expects. Each test has a suite of its own.

mod broker;
mod crashes;
mod deadline;
mod janitor;
mod keeper;
mod parked;
mod partitions;
mod pauses;
mod poison;
mod shutdown;
mod throttled;
mod upgrade;
