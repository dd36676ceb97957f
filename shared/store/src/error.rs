//! Errors of the store.

use std::{error::Error as _, fmt::Write as _};

use decider::StreamId;
use rusqlite::ErrorCode;
use tokio_postgres::error::SqlState;

/// A failed store operation. No write of the transaction took effect.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The server or the connection to it failed.
    #[error("PostgreSQL: {}", describe_postgres(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// The database contains data that this store did not write.
    #[error("invalid {0}")]
    Unreadable(&'static str),
    #[error("stream {stream} is not at version {expected}")]
    Conflict { stream: StreamId, expected: u64 },
    /// The transaction has more events than the backend can append together.
    #[error("transaction appends {0} events, which are too many")]
    TooManyEvents(usize),
    /// The transaction requested a restart.
    #[error("transaction restart requested")]
    Restart,
    /// The store was closed while the request waited.
    #[error("store closed")]
    Closed,
    #[error("DATABASE_URL '{url}': {reason}")]
    Url {
        /// The URL without its password.
        url: String,
        reason: String,
    },
}

impl StoreError {
    /// Returns whether the store rejects the written values and would reject them again. Any other error is transient: the
    /// store is unavailable, full or busy, and the caller retries until it succeeds.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Sqlite(error) => is_permanent_sqlite(error),
            Self::Postgres(error) => is_permanent_postgres(error),
            Self::TooManyEvents(_) => true,
            Self::Unreadable(_) | Self::Conflict { .. } | Self::Restart | Self::Closed | Self::Url { .. } => false,
        }
    }

    /// Returns whether the database server is currently unreachable.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Postgres(error) if is_unavailable_postgres(error))
    }
}

/// Returns whether SQLite rejects the values themselves.
fn is_permanent_sqlite(error: &rusqlite::Error) -> bool {
    let permanent = [ErrorCode::ConstraintViolation, ErrorCode::TypeMismatch, ErrorCode::TooBig];
    error.sqlite_error_code().is_some_and(|code| permanent.contains(&code))
}

/// Formats an error with its causes, because its own text does not contain the server's message.
pub(crate) fn describe_postgres(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{} ({})", error.message(), error.code().code());
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

/// Returns whether PostgreSQL rejects the values themselves.
fn is_permanent_postgres(error: &tokio_postgres::Error) -> bool {
    // Data exceptions, integrity constraints and exceeded program limits.
    error.code().is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.code().starts_with(class)))
}

/// Returns whether the server is currently unreachable.
fn is_unavailable_postgres(error: &tokio_postgres::Error) -> bool {
    let unavailable = [
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::TOO_MANY_CONNECTIONS,
    ];
    error.code().map_or_else(|| is_connection_error(error), |code| unavailable.contains(code))
}

/// Returns whether the connection failed, as opposed to an error in the client before a request was sent.
fn is_connection_error(error: &tokio_postgres::Error) -> bool {
    error.is_closed() || error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}
