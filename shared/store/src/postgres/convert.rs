//! Conversions between Rust and PostgreSQL values.

use tokio_postgres::{Error, Row};

/// Reads a number that is never negative.
pub(super) fn unsigned(row: &Row, column: usize) -> Result<u64, Error> {
    Ok(row.try_get::<_, i64>(column)?.unsigned_abs())
}

/// Converts a limit to a PostgreSQL number.
pub(super) fn size(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Converts a count to a PostgreSQL number.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("counts stay below 2^63")
}

/// Replaces zero characters: an error may quote invalid input, and PostgreSQL text cannot contain them.
pub(super) fn text(error: &str) -> String {
    error.replace('\0', "\u{fffd}")
}
