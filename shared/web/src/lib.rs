#![doc = include_str!("../README.md")]

mod extract;
mod idempotency;
mod lenient_integer;
mod problem;
mod problem_responses;
mod server;
mod traced;

pub use extract::{Json, Path, Query};
pub use idempotency::{IdempotencyKey, IdempotencyParam};
pub use lenient_integer::lenient_integer;
pub use problem::{FieldError, PROBLEM_JSON, Problem};
pub use problem_responses::{BodyProblems, ListProblems, LookupProblems, NotFoundProblem, WriteProblems};
pub use server::{BODY_LEN_MAX, HealthChecks, Schemas, with_standard_routes};
