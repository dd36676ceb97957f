//! A ledger within one write transaction.
//!
//! The table `decided` makes a key idempotent, `effects` has a row for every effect, and `calls` has every call. Rows of
//! `effects` are deliberately not unique: a bug in the handling of keys would be visible as a duplicate effect.

use contracts::{Money, OrderId};
use rusqlite::{Connection, OptionalExtension, Params, Row};
use serde::{Serialize, de::DeserializeOwned};

use super::connection::LedgerError;
use crate::ProviderError;

/// Result of a call. An error of the ledger rolls the call back, while an error of the provider is recorded.
pub(super) type CallOutcome<A> = Result<Result<A, ProviderError>, LedgerError>;

/// A logged call without an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallRecord {
    seq: i64,
    /// Number of calls of this kind with this key, from 1.
    pub(super) attempt: u32,
}

/// The recorded answer of a key.
pub(super) struct RecordedAnswer<R, A> {
    /// The answered request; `None` if the key was closed before a request arrived.
    pub(super) request: Option<R>,
    pub(super) answer: A,
}

impl<R: PartialEq, A> RecordedAnswer<R, A> {
    /// Returns the answer if the request is the recorded one.
    pub(super) fn answer_to(self, request: &R) -> Result<A, ProviderError> {
        match self.request {
            Some(first) if first != *request => {
                Err(ProviderError::Refused("the key was used for another request".to_owned()))
            }
            _ => Ok(self.answer),
        }
    }
}

/// The ledger within one write transaction.
pub(super) struct LedgerTx<'c>(&'c Connection);

impl<'c> LedgerTx<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self(connection)
    }

    /// Runs `work` and rolls back its writes if it fails.
    pub(super) fn with_savepoint<T>(
        &self,
        work: impl FnOnce(&LedgerTx<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.execute("SAVEPOINT work", ())?;
        let done = work(self);
        if done.is_err() {
            self.execute("ROLLBACK TO work", ())?;
        }
        self.execute("RELEASE work", ())?;
        done
    }

    pub(super) fn log_call(&self, kind: &str, key: OrderId) -> rusqlite::Result<CallRecord> {
        let key = key.to_string();
        self.execute("INSERT INTO calls (kind, key) VALUES (?1, ?2)", (kind, &key))?;
        let seq = self.0.last_insert_rowid();
        let mut count = self.0.prepare_cached("SELECT count(*) FROM calls WHERE key = ?1 AND kind = ?2")?;
        Ok(CallRecord { seq, attempt: count.query_one((&key, kind), |row| row.get(0))? })
    }

    pub(super) fn log_answer<A: Serialize>(
        &self,
        record: CallRecord,
        answer: &Result<A, ProviderError>,
    ) -> Result<(), LedgerError> {
        match answer {
            Ok(answer) => {
                let answer = serde_json::to_string(answer)?;
                self.execute("UPDATE calls SET answer = ?2 WHERE seq = ?1", (record.seq, answer))?;
            }
            Err(error) => {
                self.execute("UPDATE calls SET error = ?2 WHERE seq = ?1", (record.seq, error.to_string()))?;
            }
        }
        Ok(())
    }

    pub(super) fn is_answered(&self, key: OrderId) -> rusqlite::Result<bool> {
        self.0.prepare_cached("SELECT 1 FROM decided WHERE key = ?1")?.exists([key.to_string()])
    }

    pub(super) fn recorded_answer<R: DeserializeOwned, A: DeserializeOwned>(
        &self,
        operation: &str,
        key: OrderId,
    ) -> Result<Option<RecordedAnswer<R, A>>, LedgerError> {
        let mut select =
            self.0.prepare_cached("SELECT request, answer FROM decided WHERE key = ?1 AND operation = ?2")?;
        let columns = |row: &Row<'_>| Ok((row.get::<_, Option<String>>(0)?, row.get::<_, String>(1)?));
        let Some((request, answer)) = select.query_row((key.to_string(), operation), columns).optional()? else {
            return Ok(None);
        };
        let request = request.as_deref().map(serde_json::from_str).transpose()?;
        Ok(Some(RecordedAnswer { request, answer: serde_json::from_str(&answer)? }))
    }

    /// Records the answer of a key; `request` is the request that it answers, if any.
    pub(super) fn record_answer(
        &self,
        operation: &str,
        key: OrderId,
        request: Option<&impl Serialize>,
        answer: &impl Serialize,
    ) -> Result<(), LedgerError> {
        let request = request.map(serde_json::to_string).transpose()?;
        let answer = serde_json::to_string(answer)?;
        self.execute(
            "INSERT OR REPLACE INTO decided (key, operation, request, answer) VALUES (?1, ?2, ?3, ?4)",
            (key.to_string(), operation, request, answer),
        )?;
        Ok(())
    }

    /// Records an effect.
    pub(super) fn record_effect(&self, kind: &str, key: OrderId, amount: Option<Money>) -> rusqlite::Result<()> {
        self.execute(
            "INSERT INTO effects (key, kind, amount_minor, currency) VALUES (?1, ?2, ?3, ?4)",
            (
                key.to_string(),
                kind,
                amount.map(|amount| amount.minor),
                amount.map(|amount| String::from(amount.currency)),
            ),
        )
    }

    fn execute(&self, sql: &str, params: impl Params) -> rusqlite::Result<()> {
        self.0.prepare_cached(sql)?.execute(params).map(drop)
    }
}
