//! The client of an external provider.

use std::fmt;

use async_trait::async_trait;
use cloudevent::Subject;
use decider::{NoIntent, Service};

/// Calls an external provider.
#[async_trait]
pub trait ProviderClient<S: Service>: Send + Sync + 'static {
    /// Describes a call for traces and logs.
    fn describe(&self, intent: &S::Intent) -> CallInfo;

    /// Makes the call and returns the command that its response leads to.
    ///
    /// # Errors
    /// There is no response, so the outcome is unknown. The runtime repeats the call with the same key until there is one.
    async fn call(&self, intent: &S::Intent) -> Result<S::Command, CallError>;
}

/// The attributes of a call in traces and logs.
#[derive(Debug, Clone)]
pub struct CallInfo {
    /// Name of the provider.
    pub peer: &'static str,
    /// One word.
    pub operation: &'static str,
    pub subject: Subject,
}

impl CallInfo {
    /// Describes a call about the subject with this id.
    pub fn new(peer: &'static str, operation: &'static str, subject: impl fmt::Display) -> Self {
        Self { peer, operation, subject: Subject::new(subject) }
    }
}

/// A call without a response.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CallError(pub String);

/// The provider of a service that calls none.
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
