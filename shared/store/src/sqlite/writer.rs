//! The writing connection, and detection of other writers.

use rusqlite::Connection;

use crate::StoreError;

/// The only connection of this process that writes.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) exclusivity: ExclusiveWriter,
    /// True if an older version of this store left messages that it has processed.
    pub(super) has_old_inbox: bool,
}

impl Writer {
    /// # Errors
    /// The database cannot be read.
    pub(super) fn new(connection: Connection) -> Result<Self, StoreError> {
        let exclusivity = ExclusiveWriter::new(&connection)?;
        let has_old_inbox = connection.query_row("SELECT EXISTS (SELECT 1 FROM old_inbox)", [], |row| row.get(0))?;
        Ok(Self { connection, exclusivity, has_old_inbox })
    }
}

/// Detects whether other processes write to the database. Without them, the streams that this process holds are current.
pub(super) struct ExclusiveWriter {
    data_version: i64,
    is_exclusive: bool,
}

impl ExclusiveWriter {
    fn new(connection: &Connection) -> Result<Self, StoreError> {
        Ok(Self { data_version: data_version(connection)?, is_exclusive: true })
    }

    /// Returns whether no other process has written to the database since it was opened. Call inside a transaction.
    pub(super) fn check(&mut self, database: &Connection) -> Result<bool, StoreError> {
        self.is_exclusive &= data_version(database)? == self.data_version;
        Ok(self.is_exclusive)
    }
}

/// Reads a number that changes with commits of other connections only
/// (<https://www.sqlite.org/pragma.html#pragma_data_version>).
fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
}
