//! Fault injection under a steady flow of orders, and an independent checker of the results.
//!
//! - [`system`]: the suite under test with its broker, and a log of the injected faults.
//! - [`faults`]: from a seed to a schedule of faults, and the code that injects it.
//! - [`load`]: customers who order steadily and cancel at random moments, and scripted orders with a known outcome.
//! - [`evidence`]: everything observable from outside after a run: APIs, topics, provider ledgers, metrics.
//! - [`check`]: the rules, each a pure function from evidence to violations.
//! - [`run`]: one chaos run, from the first order to the list of violations.
//! - [`trial`]: scripted orders on a test build whose services have bugs and crash points. [`crash`] lists all crash points;
//!   [`supervisor`] restarts services after a crash.

pub mod check;
pub mod choreography;
pub mod crash;
pub mod evidence;
pub mod faults;
mod kafka;
pub mod load;
mod quiescence;
pub mod recovery;
pub mod report;
pub mod run;
pub mod supervisor;
pub mod system;
pub mod trial;
