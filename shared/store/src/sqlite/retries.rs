//! Rows that wait for a retry, in the tables of parked and of unsent records.

use rusqlite::{Connection, params};

use crate::{Rescheduled, StoreError};

/// Reschedules some rows of a table and deletes others, which are done.
pub(super) fn update(
    database: &Connection,
    table: &'static str,
    rescheduled: &[Rescheduled],
    done: &[i64],
) -> Result<(), StoreError> {
    let mut update = database
        .prepare_cached(&format!("UPDATE {table} SET attempts = ?, error = ?, due_us = ? WHERE position = ?"))?;
    for Rescheduled { position, attempts, error, due } in rescheduled {
        update.execute(params![attempts, error, due.as_microsecond(), position])?;
    }
    let mut delete = database.prepare_cached(&format!("DELETE FROM {table} WHERE position = ?"))?;
    for position in done {
        delete.execute([position])?;
    }
    Ok(())
}
