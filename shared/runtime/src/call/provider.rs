//! The provider of a service, and a call to it.

use async_trait::async_trait;
use contracts::OrderId;
use decider::{NoIntent, Service};
use serde::{Deserialize, Serialize};

use crate::input::Cause;

/// The outside world, as a service calls it.
#[async_trait]
pub trait ProviderClient<S: Service>: Send + Sync + 'static {
    /// What to say of the call in traces and logs.
    fn describe(&self, intent: &S::Intent) -> CallInfo;

    /// Makes the call and gives the command that its answer leads to.
    ///
    /// # Errors
    /// There is no answer; what happened is unknown. The same call is made again, until there is one.
    async fn call(&self, intent: &S::Intent) -> Result<S::Command, CallError>;
}

/// A call, as traces and logs name it.
#[derive(Debug, Clone, Copy)]
pub struct CallInfo {
    /// Who is called.
    pub peer: &'static str,
    /// What for, in one word.
    pub operation: &'static str,
    /// The order that it is about.
    pub order_id: OrderId,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CallError(pub String);

/// The outside world of a service that calls nobody.
pub struct NoProvider;

#[async_trait]
impl<S: Service<Intent = NoIntent>> ProviderClient<S> for NoProvider {
    fn describe(&self, intent: &NoIntent) -> CallInfo {
        match *intent {}
    }

    async fn call(&self, intent: &NoIntent) -> Result<S::Command, CallError> {
        match *intent {}
    }
}

/// A call to the outside world as it waits in the store.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call<I> {
    pub(crate) cause: Cause,
    pub(crate) intent: I,
}
