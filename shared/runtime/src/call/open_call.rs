//! Calls in the store that wait for a response.

use serde::{Deserialize, Serialize};
use store::{IntentPage, OpenIntent, Store, StoreError};

use crate::{
    input::Cause,
    work_queue::{Stored, WorkPage},
};

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

    /// Calls before the cursor may be open, too.
    async fn start(_: &impl Store) -> Result<i64, StoreError> {
        Ok(0)
    }

    async fn page(store: &impl Store, after: i64, limit: usize) -> Result<WorkPage<Self>, StoreError> {
        let IntentPage { intents, through, has_more } = store.intents(after, limit).await?;
        Ok(WorkPage { rows: intents, through, has_more })
    }
}
