//! Read access to a provider's ledger.

use std::{collections::BTreeMap, marker::PhantomData, path::Path};

use contracts::OrderId;
use rusqlite::{Connection, Params, Row, types::Type};

use super::connection::{LedgerError, open_read_only};

/// Column of the order id in all queries that have one.
const KEY: usize = 3;

/// Effects of one kind, of one order or of all.
pub struct EffectCount {
    pub(super) kind: String,
    pub(super) count: u64,
    pub(super) amount_minor: i64,
}

/// The sum of a provider's effects.
pub trait Totals: Default {
    /// Adds effects. Returns `false` if the provider does not have this kind.
    fn add(&mut self, effects: &EffectCount) -> bool;
}

/// A call as logged by its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedCall {
    /// Number of the call in the order of arrival.
    pub seq: i64,
    /// Time of arrival: RFC 3339, UTC, in milliseconds.
    pub time: String,
    /// `charge`, `void`, `refund`, `book` or `cancel`.
    pub kind: String,
    /// The idempotency key, which is the order id.
    pub key: OrderId,
    /// The answer as JSON.
    pub answer: Option<String>,
    /// The error returned instead of an answer. A call with neither is still running, or its process died.
    pub error: Option<String>,
}

/// Reads a ledger, also while its provider runs in any process.
#[derive(Debug)]
pub struct LedgerReader<T> {
    connection: Connection,
    totals: PhantomData<T>,
}

impl<T: Totals> LedgerReader<T> {
    /// Opens the ledger at `path`, which must exist.
    ///
    /// # Errors
    /// The file does not exist or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self { connection: open_read_only(path)?, totals: PhantomData })
    }

    /// Returns the effects of one order; none if the provider does not know it.
    ///
    /// # Errors
    /// The file cannot be read, or belongs to another provider.
    pub fn entry(&self, key: OrderId) -> Result<T, LedgerError> {
        let sql = "SELECT kind, count(*), ifnull(sum(amount_minor), 0), key FROM effects WHERE key = ?1 GROUP BY kind";
        Ok(self.sums(sql, [key.to_string()])?.remove(&key).unwrap_or_default())
    }

    /// Returns the effects of every order that has any.
    ///
    /// # Errors
    /// The file cannot be read, or belongs to another provider.
    pub fn entries(&self) -> Result<BTreeMap<OrderId, T>, LedgerError> {
        self.sums("SELECT kind, count(*), ifnull(sum(amount_minor), 0), key FROM effects GROUP BY key, kind", ())
    }

    /// Returns the sum over all orders.
    ///
    /// # Errors
    /// The file cannot be read, or belongs to another provider.
    pub fn total(&self) -> Result<T, LedgerError> {
        let sql = "SELECT kind, count(*), ifnull(sum(amount_minor), 0) FROM effects GROUP BY kind";
        let mut total = T::default();
        for effects in self.rows(sql, (), effects)? {
            add(&mut total, effects)?;
        }
        Ok(total)
    }

    /// Returns all calls in the order of arrival.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn calls(&self) -> Result<Vec<LoggedCall>, LedgerError> {
        self.rows("SELECT seq, time, kind, key, answer, error FROM calls ORDER BY seq", (), logged_call)
    }

    /// Returns the calls about one order in the order of arrival.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn calls_of(&self, key: OrderId) -> Result<Vec<LoggedCall>, LedgerError> {
        let sql = "SELECT seq, time, kind, key, answer, error FROM calls WHERE key = ?1 ORDER BY seq";
        self.rows(sql, [key.to_string()], logged_call)
    }

    fn sums(&self, sql: &str, params: impl Params) -> Result<BTreeMap<OrderId, T>, LedgerError> {
        let mut sums = BTreeMap::<OrderId, T>::new();
        for (key, effects) in self.rows(sql, params, |row| Ok((key(row)?, effects(row)?)))? {
            add(sums.entry(key).or_default(), effects)?;
        }
        Ok(sums)
    }

    fn rows<R>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<R>,
    ) -> Result<Vec<R>, LedgerError> {
        let mut select = self.connection.prepare_cached(sql)?;
        Ok(select.query_map(params, read)?.collect::<Result<_, _>>()?)
    }
}

fn add(sum: &mut impl Totals, effects: EffectCount) -> Result<(), LedgerError> {
    if sum.add(&effects) { Ok(()) } else { Err(LedgerError::ForeignEffect(effects.kind)) }
}

fn effects(row: &Row<'_>) -> rusqlite::Result<EffectCount> {
    Ok(EffectCount { kind: row.get(0)?, count: row.get(1)?, amount_minor: row.get(2)? })
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
