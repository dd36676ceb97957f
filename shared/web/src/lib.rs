//! HTTP that every service shares. Nothing here knows what an order is.
//!
//! - [`Problem`]: errors as RFC 9457 problem documents that say what was wrong and where.
//! - [`Json`], [`Path`], [`Query`]: axum's extractors, with problems for what they reject.
//! - [`IdempotencyKey`]: a request that may be sent twice.
//! - [`lenient_integer`]: whole numbers, however JSON writes them.
//! - [`with_standard_routes`]: adds health, metrics, schemas, the API's description, and the limits.

mod extract;
mod idempotency;
mod lenient_integer;
mod problem;
mod server;
mod traced;

pub use extract::{Json, Path, Query};
pub use idempotency::{IdempotencyKey, IdempotencyParam};
pub use lenient_integer::lenient_integer;
pub use problem::{FieldError, PROBLEM_JSON, Problem};
pub use server::{BODY_LEN_MAX, HealthChecks, with_standard_routes};
