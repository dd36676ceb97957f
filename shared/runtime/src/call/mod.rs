//! Calls providers.

mod dispatcher;
mod open_call;
mod provider;

pub use provider::{CallError, CallInfo, NoProvider, ProviderClient};

pub(crate) use dispatcher::CallDispatcher;
pub(crate) use open_call::StoredCall;
