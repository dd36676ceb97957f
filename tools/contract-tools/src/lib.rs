#![doc = include_str!("../README.md")]

mod check;
mod code;
pub mod compare;
mod compatibility;
mod expand;
mod folder;
mod new_version;
mod released;
pub mod source;

pub use check::{CheckReport, check};
pub use code::{CodeContracts, CurrentEvent};
pub use compare::{Change, compare};
pub use compatibility::Compatibility;
pub use expand::expand;
pub use folder::ContractsFolder;
pub use new_version::{CreatedVersion, new_version};
pub use released::{Fingerprints, Released, VersionFiles};
