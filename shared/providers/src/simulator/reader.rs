//! A provider's ledger, as others read it.

use std::{collections::BTreeMap, marker::PhantomData, path::Path};

use contracts::OrderId;
use rusqlite::{Connection, OpenFlags, Params, Row, types::Type};

use super::ledger::{LedgerError, wait_for_others};

/// Where every query here has the order id, if it has one.
const KEY: usize = 3;

/// Effects of one kind, on one order or on all.
pub struct Effects {
    pub(super) kind: String,
    pub(super) count: u64,
    pub(super) amount_minor: i64,
}

/// A sum of effects.
pub trait Entry: Default {
    /// False when the provider has no such effect.
    fn add(&mut self, effects: &Effects) -> bool;
}

/// One call, as its provider logged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedCall {
    /// Counts all calls, in the order of their arrival.
    pub seq: i64,
    /// When it arrived: RFC 3339, UTC, in milliseconds.
    pub time: String,
    /// What was called: `charge`, `void`, `refund`, `book` or `cancel`.
    pub kind: String,
    /// The order it was about.
    pub key: OrderId,
    /// The answer as JSON.
    pub answer: Option<String>,
    /// What the caller got in place of an answer. A call with neither is still going on, or its process died.
    pub error: Option<String>,
}

/// Reads a ledger to check a run against, while its provider goes on in any process.
#[derive(Debug)]
pub struct LedgerReader<E> {
    connection: Connection,
    entry: PhantomData<E>,
}

impl<E: Entry> LedgerReader<E> {
    /// Opens the ledger at `path`, which must exist.
    ///
    /// # Errors
    /// There is no such file, or it can't be opened.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let connection = connect(path).map_err(|source| LedgerError::Open { path: path.to_owned(), source })?;
        Ok(Self { connection, entry: PhantomData })
    }

    /// What happened to one order; nothing, if the provider doesn't know it.
    ///
    /// # Errors
    /// The file can't be read, or is another provider's.
    pub fn entry(&self, key: OrderId) -> Result<E, LedgerError> {
        let sql = "SELECT kind, count(*), ifnull(sum(amount_minor), 0), key FROM effects WHERE key = ?1 GROUP BY kind";
        Ok(self.sums(sql, [key.to_string()])?.remove(&key).unwrap_or_default())
    }

    /// Every order that something happened to.
    ///
    /// # Errors
    /// The file can't be read, or is another provider's.
    pub fn entries(&self) -> Result<BTreeMap<OrderId, E>, LedgerError> {
        self.sums("SELECT kind, count(*), ifnull(sum(amount_minor), 0), key FROM effects GROUP BY key, kind", ())
    }

    /// The sum over all orders.
    ///
    /// # Errors
    /// The file can't be read, or is another provider's.
    pub fn total(&self) -> Result<E, LedgerError> {
        let sql = "SELECT kind, count(*), ifnull(sum(amount_minor), 0) FROM effects GROUP BY kind";
        let mut total = E::default();
        for effects in self.rows(sql, (), effects)? {
            add(&mut total, effects)?;
        }
        Ok(total)
    }

    /// Every call, first to last.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn calls(&self) -> Result<Vec<LoggedCall>, LedgerError> {
        self.rows("SELECT seq, time, kind, key, answer, error FROM calls ORDER BY seq", (), logged_call)
    }

    /// The calls about one order, first to last.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn calls_of(&self, key: OrderId) -> Result<Vec<LoggedCall>, LedgerError> {
        let sql = "SELECT seq, time, kind, key, answer, error FROM calls WHERE key = ?1 ORDER BY seq";
        self.rows(sql, [key.to_string()], logged_call)
    }

    fn sums(&self, sql: &str, params: impl Params) -> Result<BTreeMap<OrderId, E>, LedgerError> {
        let mut sums = BTreeMap::<OrderId, E>::new();
        for (key, effects) in self.rows(sql, params, |row| Ok((key(row)?, effects(row)?)))? {
            add(sums.entry(key).or_default(), effects)?;
        }
        Ok(sums)
    }

    fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, LedgerError> {
        let mut select = self.connection.prepare_cached(sql)?;
        Ok(select.query_map(params, read)?.collect::<Result<_, _>>()?)
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_handler(Some(wait_for_others))?;
    Ok(connection)
}

fn add(sum: &mut impl Entry, effects: Effects) -> Result<(), LedgerError> {
    if sum.add(&effects) { Ok(()) } else { Err(LedgerError::ForeignEffect(effects.kind)) }
}

fn effects(row: &Row<'_>) -> rusqlite::Result<Effects> {
    Ok(Effects { kind: row.get(0)?, count: row.get(1)?, amount_minor: row.get(2)? })
}

fn logged_call(row: &Row<'_>) -> rusqlite::Result<LoggedCall> {
    Ok(LoggedCall {
        seq: row.get(0)?,
        time: row.get(1)?,
        kind: row.get(2)?,
        key: key(row)?,
        answer: row.get(4)?,
        error: row.get(5)?,
    })
}

fn key(row: &Row<'_>) -> rusqlite::Result<OrderId> {
    let text: String = row.get(KEY)?;
    text.parse().map_err(|_| rusqlite::Error::InvalidColumnType(KEY, text, Type::Text))
}
