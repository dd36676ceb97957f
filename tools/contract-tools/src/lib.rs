//! How events may change: the contracts of the code against those that were released.
//!
//! - [`compare()`]: what differs between two JSON Schemas, and whom each difference hurts. Pure.
//! - [`Released`]: the list of what was released, which nobody changes any more.
//! - [`check()`]: the rules over both, for people, tests and CI. Pure.
//! - [`Folder`]: the files of `shared/contracts`.
//! - [`source`]: the places in its source files that a new version changes.
//! - [`new_version`]: makes a new version of an event.

mod check;
mod code;
pub mod compare;
mod compatibility;
mod expand;
mod folder;
mod new_version;
mod released;
pub mod source;

pub use check::{Report, check};
pub use code::{Code, CurrentEvent};
pub use compare::{Change, compare};
pub use compatibility::Compatibility;
pub use expand::expand;
pub use folder::Folder;
pub use new_version::{Made, new_version};
pub use released::{Fingerprints, Released, Version};
