//! The interface between a service's HTTP handlers and the runtime.

mod app;
mod followers;
pub mod pages;
mod readiness;

pub use app::{App, AppError, TimelineRow};
pub use followers::Followed;

pub(crate) use followers::Followers;
pub(crate) use readiness::Readiness;
