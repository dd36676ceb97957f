//! Faults of every kind under a steady flow of orders, and an independent checker of what came of them.
//!
//! - [`plan`]: from a seed to a schedule of faults, as data.
//! - [`stage`]: the real binaries, their broker, and what was done to them. [`faults`] does it.
//! - [`traffic`]: customers, who order steadily and cancel at random moments.
//! - [`meddler`]: doubles records, and adds poison.
//! - [`evidence`]: what can be read from outside when all is over: APIs, topics, ledgers, metrics.
//! - [`check`]: the rules, each a pure function from evidence to violations.
//! - [`run`]: one run, from the first order to the verdict.
//! - [`trial`]: a few orders of known fates on a suite of the test build, which has bugs and crashes on demand. [`story`] has
//!   the fates, [`crash`] has all crashes, and [`supervisor`] starts again what crashed.

pub mod check;
pub mod choreography;
pub mod crash;
pub mod delays;
pub mod evidence;
pub mod faults;
mod kafka;
pub mod meddler;
pub mod plan;
pub mod refusal;
pub mod report;
mod rest;
mod rewind;
pub mod run;
pub mod stage;
pub mod story;
pub mod supervisor;
pub mod traffic;
pub mod trial;
