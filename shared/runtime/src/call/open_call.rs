//! Calls in the store that wait for a response.

use serde::{Deserialize, Serialize};
use store::{OpenIntent, Store, StoreError};

use crate::{input::Cause, work_queue::Stored};

/// A call as the store keeps it, in JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredCall<I> {
    pub(crate) cause: Cause,
    pub(crate) intent: I,
}

impl Stored for OpenIntent {
    fn position(&self) -> i64 {
        self.position
    }

    async fn page(store: &impl Store, after: i64, limit: usize) -> Result<Vec<Self>, StoreError> {
        store.intents(after, limit).await
    }
}
