//! The services as processes of this machine.

mod builder;
mod member;
mod services;

pub use builder::Builder;
pub use services::Suite;
