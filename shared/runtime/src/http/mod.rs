//! The runtime as the HTTP handlers of a service use it.

mod app;
mod error;
mod followers;
pub mod pages;
mod readiness;
mod stream_reader;
mod timeline;

pub use app::App;
pub use error::AppError;
pub use followers::Followed;
pub use timeline::TimelineRow;

pub(crate) use followers::Followers;
pub(crate) use readiness::Readiness;
#[cfg(test)]
pub(crate) use stream_reader::load_state;
