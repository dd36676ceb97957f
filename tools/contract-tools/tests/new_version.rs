//! Creation of a new version in a copy of `shared/contracts`.

use std::{fs, path::Path};

use contract_tools::{CodeContracts, ContractsFolder, new_version};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Copy of the files, for tests that pretend a change of the Rust type of `OrderPlaced`.
struct ContractsCopy {
    dir: TempDir,
    folder: ContractsFolder,
}

impl ContractsCopy {
    fn of_this_checkout() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let from = ContractsFolder::of_this_checkout();
        for name in ["src", "schemas/OrderPlaced", "golden/OrderPlaced"] {
            copy(&from.path(name), &dir.path().join(name));
        }
        fs::copy(from.path("released.json"), dir.path().join("released.json")).expect("copied");
        let folder = ContractsFolder::at(dir.path());
        Self { dir, folder }
    }

    /// All files with their content.
    fn files(&self) -> Vec<(String, String)> {
        let mut open = vec![self.dir.path().to_owned()];
        let mut files = Vec::new();
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(fs::read_dir(path).expect("listed").map(|entry| entry.expect("an entry").path()));
            } else {
                let name = path.strip_prefix(self.dir.path()).expect("inside").display().to_string();
                files.push((name, fs::read_to_string(&path).expect("text")));
            }
        }
        files.sort();
        files
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("created");
    for entry in fs::read_dir(from).expect("listed").map(|entry| entry.expect("an entry")) {
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

/// The contracts in the code, with a changed schema of `OrderPlaced`.
fn changed(change: impl FnOnce(&mut Value)) -> CodeContracts {
    let mut code = CodeContracts::built_in();
    let placed = code.events.iter_mut().find(|event| event.name == "OrderPlaced").expect("is there");
    change(&mut placed.schema);
    code
}

fn with_note() -> CodeContracts {
    changed(|schema| schema["properties"]["note"] = json!({ "type": ["string", "null"] }))
}

#[test]
fn added_field_makes_a_complete_version() {
    let copy = ContractsCopy::of_this_checkout();
    let created = new_version(&copy.folder, &with_note(), "OrderPlaced", "2199-01").unwrap();
    assert!(created.is_complete);
    let changes: Vec<_> = created.changes.iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["/note: optional field added: compatible in both directions"]);

    let version = copy.folder.version("OrderPlaced", "2199-01").unwrap();
    assert_eq!(version.schema["properties"]["note"]["type"], json!(["string", "null"]));
    assert_eq!(version.golden, copy.folder.version("OrderPlaced", &created.from).unwrap().golden);
    assert!(copy.folder.read("src/order.rs").unwrap().contains("        OrderPlaced, \"2199-01\";\n"));
    let step =
        format!("Step {{ event: \"OrderPlaced\", from: \"{}\", to: \"2199-01\", apply: |_| Ok(()) }},\n", created.from);
    assert!(copy.folder.read("src/upcast.rs").unwrap().contains(&step));
}

#[test]
fn incompatible_change_makes_an_unwritten_upcaster() {
    let copy = ContractsCopy::of_this_checkout();
    let code = changed(|schema| schema["properties"]["customer"] = json!({ "type": "integer" }));
    let created = new_version(&copy.folder, &code, "OrderPlaced", "2199-01").unwrap();
    assert!(!created.is_complete);
    let upcast = copy.folder.read("src/upcast.rs").unwrap();
    assert!(upcast.contains("// /customer: type changed from string to integer: "), "{upcast}");
    assert!(upcast.contains("Err(\"this step is not written yet\")"), "{upcast}");
}

#[test]
fn required_field_with_default_is_filled_in() {
    let copy = ContractsCopy::of_this_checkout();
    let code = changed(|schema| {
        schema["$defs"]["OrderLine"]["properties"]["gift"] = json!({ "type": "boolean", "default": false });
        schema["$defs"]["OrderLine"]["required"].as_array_mut().unwrap().push(json!("gift"));
    });
    assert!(new_version(&copy.folder, &code, "OrderPlaced", "2199-01").unwrap().is_complete);
    let upcast = copy.folder.read("src/upcast.rs").unwrap();
    assert!(upcast.contains(r#"fill(data, "/lines/*/gift", &json!(false));"#), "{upcast}");
}

#[test]
fn repeated_call_changes_nothing() {
    let copy = ContractsCopy::of_this_checkout();
    let first = new_version(&copy.folder, &with_note(), "OrderPlaced", "2199-01").unwrap();
    let files = copy.files();
    assert_eq!(new_version(&copy.folder, &with_note(), "OrderPlaced", "2199-01").unwrap(), first);
    assert_eq!(copy.files(), files);
}

#[test]
fn invalid_requests_write_nothing() {
    let copy = ContractsCopy::of_this_checkout();
    let files = copy.files();
    let refusal = |code: &CodeContracts, event: &str, version: &str| {
        new_version(&copy.folder, code, event, version).expect_err(version).to_string()
    };
    assert_eq!(refusal(&with_note(), "OrderLost", "2199-01"), "unknown event OrderLost");
    assert!(refusal(&with_note(), "OrderPlaced", "next").contains("a year and a month"));
    assert!(refusal(&with_note(), "OrderPlaced", "2026-10").contains("is not after"));
    let mut unreleased = with_note();
    unreleased.events.iter_mut().for_each(|event| event.version = "2198-01".to_owned());
    assert!(refusal(&unreleased, "OrderPlaced", "2199-01").contains("is not released yet; change that version"));
    assert_eq!(copy.files(), files);
}

#[test]
fn unchanged_event_is_refused() {
    let copy = ContractsCopy::of_this_checkout();
    let newest = copy.folder.released().unwrap().newest("OrderPlaced").unwrap().to_owned();
    let released = copy.folder.version("OrderPlaced", &newest).unwrap();
    let mut code = changed(|schema| *schema = released.schema.clone());
    code.events.iter_mut().for_each(|event| event.version.clone_from(&newest));
    let refusal = new_version(&copy.folder, &code, "OrderPlaced", "2199-01").unwrap_err().to_string();
    assert!(refusal.contains("has not changed since its release"), "{refusal}");
}
