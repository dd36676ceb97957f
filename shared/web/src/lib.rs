//! HTTP that every service shares. Nothing here knows what an order is.
//!
//! - [`Problem`]: errors as RFC 9457 problem documents that say what was wrong and where.
//! - [`Json`], [`Path`], [`Query`]: axum's extractors, with problems for what they reject.
//! - [`IdempotencyKey`]: a request that may be sent twice.
//! - [`whole`]: whole numbers, however JSON writes them.
//! - [`finish`]: adds health, metrics, schemas, the API's description, and the limits.

mod extract;
mod idempotency;
mod problem;
mod server;
mod traced;
mod whole;

pub use extract::{Json, Path, Query};
pub use idempotency::{IdempotencyKey, IdempotencyParam};
pub use problem::{Invalid, PROBLEM_JSON, Problem};
pub use server::{BODY_LEN_MAX, Probes, finish};
pub use whole::whole;
