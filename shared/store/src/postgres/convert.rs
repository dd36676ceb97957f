//! Conversions between Rust and PostgreSQL values.

use jiff::Timestamp;
use tokio_postgres::{Error, Row, types::ToSql};

use crate::Rescheduled;

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

/// Columns of rescheduled rows, as arrays.
#[derive(Default)]
pub(super) struct RescheduledColumns {
    positions: Vec<i64>,
    attempts: Vec<i64>,
    errors: Vec<String>,
    dues: Vec<Timestamp>,
}

impl RescheduledColumns {
    pub(super) fn of(rescheduled: &[Rescheduled]) -> Self {
        let mut columns = Self::default();
        for Rescheduled { position, attempts, error, due } in rescheduled {
            columns.positions.push(*position);
            columns.attempts.push(i64::from(*attempts));
            columns.errors.push(text(error));
            columns.dues.push(*due);
        }
        columns
    }

    /// Parameters of a statement, in the order of the fields.
    pub(super) fn parameters(&self) -> [&(dyn ToSql + Sync); 4] {
        [&self.positions, &self.attempts, &self.errors, &self.dues]
    }
}

/// Reads a number of attempts.
pub(super) fn attempts(row: &Row, column: usize) -> Result<u32, Error> {
    Ok(u32::try_from(row.try_get::<_, i64>(column)?).unwrap_or(u32::MAX))
}
