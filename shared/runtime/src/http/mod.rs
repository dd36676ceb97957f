//! The runtime as the HTTP handlers of a service use it.

mod app;
mod error;
mod followers;
pub mod pages;
mod readiness;
mod replays;
mod stream_reader;
mod timeline;

pub use app::App;
pub use error::AppError;
pub use followers::Followed;
pub use timeline::TimelineRow;

pub(crate) use followers::Followers;
pub use replays::{ReplayProgress, ReplayRequest, ReplayState, with_operator_api};

pub(crate) use readiness::{Notice, Readiness};
pub(crate) use replays::{Replays, routes as replay_routes};
#[cfg(test)]
pub(crate) use stream_reader::load_state;
