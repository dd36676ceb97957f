#![doc = include_str!("../README.md")]

pub mod documents;
pub mod domain;
pub mod folders;
pub mod modules;
pub mod prose;
pub mod public_docs;
pub mod repository;
pub mod test_names;
pub mod type_names;

mod rust;

pub use repository::{Finding, Repository};

/// A rule over all files of the repository.
pub type Check = fn(&Repository) -> Vec<Finding>;

/// All rules, by the name under which findings are printed.
pub const CHECKS: [(&str, Check); 9] = [
    ("modules", modules::check),
    ("folders", folders::check),
    ("public-docs", public_docs::check),
    ("type-names", type_names::check),
    ("test-names", test_names::check),
    ("domain", domain::check),
    ("doc-openings", prose::openings),
    ("turns", prose::turns),
    ("documents", documents::check),
];
