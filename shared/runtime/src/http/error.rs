//! Errors of the runtime, as HTTP handlers receive them.

use decider::LogError;
use store::StoreError;
use tracing::error;
use web::Problem;

/// The reason why the runtime did not serve a request.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The input queue is full.
    #[error("service overloaded, retry later")]
    Busy,
    /// The outbox is full: Kafka has been unavailable for long.
    #[error("too many events are waiting for Kafka, retry later")]
    OutboxFull,
    /// The command failed with a panic, or because this build cannot read the log. It had no effect.
    #[error("{0}")]
    Failed(String),
    /// A stream contains events that this build cannot read.
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("service is shutting down")]
    Stopping,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Busy => Self::too_many(error.to_string()),
            AppError::OutboxFull | AppError::Stopping => Self::unavailable(error.to_string()),
            AppError::Store(error) if error.is_unavailable() => {
                error!(%error, "request failed");
                Self::unavailable("database unavailable, retry later".to_owned())
            }
            AppError::Failed(_) | AppError::Log(_) | AppError::Store(_) => {
                error!(%error, "request failed");
                Self::internal()
            }
        }
    }
}
