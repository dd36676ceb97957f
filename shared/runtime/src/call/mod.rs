//! Calls to providers.

mod dispatcher;
mod provider;

pub use provider::{CallError, CallInfo, NoProvider, ProviderClient};

pub(crate) use dispatcher::CallDispatcher;
pub(crate) use provider::Call;
