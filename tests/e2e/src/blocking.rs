//! Async calls from synchronous tests.

use std::future::Future;

/// Runs a future to completion on a runtime that ends with it.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(future)
}
