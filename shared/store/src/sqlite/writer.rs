//! The one that writes: its connection, and what it knows of the database because nobody else writes to it.

use rusqlite::Connection;

use crate::StoreError;

/// The connection that writes.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) alone: Alone,
}

impl Writer {
    /// # Errors
    /// The database can't be read.
    pub(super) fn new(connection: Connection) -> Result<Self, StoreError> {
        let alone = Alone::from_now(&connection)?;
        Ok(Self { connection, alone })
    }
}

/// Whether what this process knows of the database is all there is to know.
pub(super) struct Alone {
    data_version: i64,
    is_alone: bool,
}

impl Alone {
    fn from_now(connection: &Connection) -> Result<Self, StoreError> {
        Ok(Self { data_version: data_version(connection)?, is_alone: true })
    }

    /// Whether nobody else ever wrote to the database since it was opened. To be asked inside of a transaction.
    pub(super) fn check(&mut self, database: &Connection) -> Result<bool, StoreError> {
        self.is_alone &= data_version(database)? == self.data_version;
        Ok(self.is_alone)
    }
}

/// A number that another connection's commit changes, and one's own does not
/// (<https://www.sqlite.org/pragma.html#pragma_data_version>).
fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
}
