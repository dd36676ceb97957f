//! A PostgreSQL server for tests and measurements: a given one, or one that this program starts in Docker or from installed
//! programs.

mod docker;
mod engine;
mod installed;
mod server;

pub use engine::Durability;
pub use server::{Postgres, ServerOrigin, Storage, URL_VARIABLE, given_url, with_database};
