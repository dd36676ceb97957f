//! Entries of a new service in existing sources.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Placeholders;

const CATALOG: &str = "shared/catalog/src/lib.rs";
/// Start of the list of services in the catalog.
const SERVICES: &str = "\nservices! {\n";

/// Adds the service to the catalog and to the registry of tools, and its events to the contracts.
///
/// # Errors
/// A file cannot be read or written, or has no place for the entry.
pub(super) fn register_owner(root: &Path, service: &Placeholders) -> Result<()> {
    let Placeholders { name, type_name, port, .. } = service;
    let catalog = root.join(CATALOG);
    let entry = format!("    /// The {name} service.\n    {type_name} \"{name}\" {port} owns \"{name}.events\";\n");
    insert_before(&catalog, SERVICES, "}\n", &entry)?;
    let owner = format!("            {type_name} {name} {type_name}Event;\n");
    insert_before(&catalog, "        $then! {\n", "        }\n", &owner)?;

    let registry = root.join("tools/service-registry/Cargo.toml");
    let dependency = format!("{name} = {{ path = \"../../services/{name}\" }}\n");
    insert_before(&registry, "", "inventory = ", &dependency)?;

    let contracts = root.join("shared/contracts/src");
    insert_before(&contracts.join("lib.rs"), "", "mod event;\n", &format!("pub mod {name};\n"))?;
    let sample = format!(
        "        .chain([Event::from(crate::{name}::{type_name}Event::from(crate::{name}::{type_name}Recorded {{ \
         order_id: ORDER }}))])\n        "
    );
    insert_before(&contracts.join("samples.rs"), "pub fn all()", ".collect()\n", &sample)
}

/// Adds a reader to the catalog.
///
/// # Errors
/// As [`register_owner`].
pub(super) fn register_reader(root: &Path, service: &Placeholders) -> Result<()> {
    let Placeholders { name, type_name, port, .. } = service;
    let entry = format!("    /// The {name} reader.\n    {type_name} \"{name}\" {port};\n");
    insert_before(&root.join(CATALOG), SERVICES, "}\n", &entry)
}

/// Inserts an entry before the first `end` after `start`.
fn insert_before(path: &Path, start: &str, end: &str, entry: &str) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    let place = place(&text, start, end).with_context(|| format!("no place for the entry in {}", path.display()))?;
    let text = format!("{}{entry}{}", &text[..place], &text[place..]);
    fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
}

fn place(text: &str, start: &str, end: &str) -> Option<usize> {
    let from = text.find(start)? + start.len();
    Some(from + text[from..].find(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_before_the_end_of_the_block() {
        assert_eq!(place("x }\nblock {\n  a\n}\n", "block {\n", "}\n"), Some(16));
        assert_eq!(place("block {\n", "block {\n", "}\n"), None);
    }
}
