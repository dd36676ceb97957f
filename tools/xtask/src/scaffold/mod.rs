//! `cargo saga new-service`: a new service from templates, and its entries in the catalog and the contracts.
//!
//! The new service records every placed order and publishes one event; a reader records every event and publishes none. It
//! compiles and its tests pass; change it from there.

mod edit;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use catalog::ServiceName;

use crate::build::workspace::{Workspace, cargo};
use crate::process::tool;

const CARGO_TIMEOUT: Duration = Duration::from_mins(20);

/// Paths in the service's folder with their templates.
type Files = [(&'static str, &'static str); 8];

/// Files of a service that owns a topic.
const OWNER_FILES: Files = [
    ("Cargo.toml", include_str!("../../templates/service/Cargo.toml.in")),
    ("src/main.rs", include_str!("../../templates/service/src/main.rs.in")),
    ("src/lib.rs", include_str!("../../templates/service/src/lib.rs.in")),
    ("src/decider.rs", include_str!("../../templates/service/src/decider.rs.in")),
    ("src/policy.rs", include_str!("../../templates/service/src/policy.rs.in")),
    ("src/api.rs", include_str!("../../templates/service/src/api.rs.in")),
    ("tests/decider.rs", include_str!("../../templates/service/tests/decider.rs.in")),
    ("tests/openapi.rs", include_str!("../../templates/service/tests/openapi.rs.in")),
];

/// Files of a reader.
const READER_FILES: Files = [
    ("Cargo.toml", include_str!("../../templates/reader/Cargo.toml.in")),
    ("src/main.rs", include_str!("../../templates/reader/src/main.rs.in")),
    ("src/lib.rs", include_str!("../../templates/reader/src/lib.rs.in")),
    ("src/decider.rs", include_str!("../../templates/reader/src/decider.rs.in")),
    ("src/policy.rs", include_str!("../../templates/reader/src/policy.rs.in")),
    ("src/api.rs", include_str!("../../templates/reader/src/api.rs.in")),
    ("tests/decider.rs", include_str!("../../templates/reader/tests/decider.rs.in")),
    ("tests/openapi.rs", include_str!("../../templates/service/tests/openapi.rs.in")),
];

const CONTRACTS: &str = include_str!("../../templates/contracts.rs.in");

/// Values of a template's placeholders.
struct Placeholders {
    name: String,
    type_name: String,
    port: u16,
    /// Version of the first event, such as `2026-11`.
    version: String,
}

/// Creates the service and prints the remaining steps. Returns the exit code, always 0.
///
/// # Errors
/// The name is invalid or taken, or a file cannot be written.
pub fn run(workspace: &Workspace, name: &str, reader: bool) -> Result<u8> {
    let placeholders = Placeholders::new(name)?;
    let folder = workspace.root().join("services").join(name);
    ensure!(!folder.exists(), "{} already exists", folder.display());
    for (path, template) in if reader { READER_FILES } else { OWNER_FILES } {
        write(&folder.join(path), &placeholders.fill(template))?;
    }
    write(&folder.join("openapi.json"), "")?;
    if reader {
        edit::register_reader(workspace.root(), &placeholders)?;
    } else {
        let contracts = workspace.root().join("shared/contracts/src");
        write(&contracts.join(format!("{name}.rs")), &placeholders.fill(CONTRACTS))?;
        edit::register_owner(workspace.root(), &placeholders)?;
    }
    finish(workspace, name)?;
    println!("created services/{name}; next steps:");
    if !reader {
        print_contract_steps();
    }
    println!(
        "- name the service wherever the compiler reports a missing match arm in tools/sagactl and tests/verification/model"
    );
    Ok(0)
}

fn print_contract_steps() {
    println!("- add a sample of its event to `samples()` in shared/contracts/tests/contracts.rs");
    println!("- run `UPDATE_EXPECT=1 cargo test -p contracts` for its schema and golden file");
}

/// Formats the sources, generates the deployment files with the new catalog, and writes the OpenAPI document.
fn finish(workspace: &Workspace, name: &str) -> Result<()> {
    for arguments in [
        vec!["fmt", "--package", name, "--package", "catalog", "--package", "contracts"],
        vec!["run", "--package", "xtask", "--", "generate"],
        vec!["test", "--package", name, "--test", "openapi"],
    ] {
        let mut command = Command::new(cargo());
        // These variables describe the package of this program, or would make cargo compile everything again.
        command.env_remove("RUSTC_BOOTSTRAP");
        // Otherwise expect-test uses the outermost folder with a manifest as the workspace.
        command.env("CARGO_WORKSPACE_DIR", workspace.root());
        command.env_remove("CARGO_MANIFEST_DIR").env("UPDATE_EXPECT", "1").env("CARGO_TARGET_DIR", workspace.target());
        command.args(&arguments).current_dir(workspace.root());
        let code = tool::run_shown("cargo", command, CARGO_TIMEOUT)?;
        ensure!(code == 0, "`cargo {}` failed", arguments.join(" "));
    }
    Ok(())
}

impl Placeholders {
    fn new(name: &str) -> Result<Self> {
        let is_valid = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
        ensure!(is_valid, "invalid name {name}: use lower-case letters and digits, and begin with a letter");
        ensure!(ServiceName::find(name).is_none(), "the catalog already contains {name}");
        let (first, rest) = name.split_at(1);
        let port = ServiceName::all().map(ServiceName::port).max().context("the catalog is empty")? + 1;
        let mut date = Command::new("date");
        date.args(["--utc", "+%Y-%m"]);
        let version = tool::stdout_of("date", date, Duration::from_secs(10))?.trim().to_owned();
        Ok(Self { name: name.to_owned(), type_name: format!("{}{rest}", first.to_ascii_uppercase()), port, version })
    }

    fn fill(&self, template: &str) -> String {
        template
            .replace("VERSION", &self.version)
            .replace("PORT", &self.port.to_string())
            .replace("TYPE", &self.type_name)
            .replace("NAME", &self.name)
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_names_are_refused() {
        for name in ["", "Loyalty", "2day", "a-b", "order"] {
            assert!(Placeholders::new(name).is_err(), "{name}");
        }
    }

    #[test]
    fn template_placeholders_are_filled() {
        let placeholders = Placeholders::new("loyalty").unwrap();
        assert_eq!(placeholders.fill("NAME TYPEEvent PORT"), format!("loyalty LoyaltyEvent {}", placeholders.port));
    }
}
