//! Files of `shared/contracts`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::released::{Released, VersionFiles};

/// Folder of the crate `contracts`.
#[derive(Debug, Clone)]
pub struct ContractsFolder(PathBuf);

impl ContractsFolder {
    /// Folder at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Folder of the checkout in which this program was built.
    pub fn of_this_checkout() -> Self {
        Self::at(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/contracts"))
    }

    /// Path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Reads the released versions.
    ///
    /// # Errors
    /// The list cannot be read.
    pub fn released(&self) -> Result<Released> {
        Released::parse(&self.read("released.json")?)
    }

    /// Writes the released versions.
    ///
    /// # Errors
    /// The list cannot be written.
    pub fn write_released(&self, released: &Released) -> Result<()> {
        self.write("released.json", &released.to_text()?)
    }

    /// Reads the files of a version.
    ///
    /// # Errors
    /// A file is missing or is not JSON.
    pub fn version(&self, event: &str, version: &str) -> Result<VersionFiles> {
        let json = |kind: &str| -> Result<Value> {
            let name = file_name(kind, event, version);
            serde_json::from_str(&self.read(&name)?).with_context(|| format!("invalid JSON in {name}"))
        };
        let (schema, golden) = (json("schemas")?, json("golden")?);
        Ok(VersionFiles { event: event.to_owned(), version: version.to_owned(), schema, golden })
    }

    /// Reads the files of every released version, with an error for those that cannot be read.
    pub fn history(&self, released: &Released) -> Vec<Result<VersionFiles, String>> {
        let read =
            |(event, version, _): (&str, &str, _)| self.version(event, version).map_err(|error| format!("{error:#}"));
        released.all().map(read).collect()
    }

    /// Writes the files of a version. An existing golden file is not replaced.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write_version(&self, version: &VersionFiles) -> Result<()> {
        let name = |kind: &str| file_name(kind, &version.event, &version.version);
        self.write(&name("schemas"), &format!("{:#}\n", version.schema))?;
        if self.path(&name("golden")).exists() {
            return Ok(());
        }
        self.write(&name("golden"), &format!("{:#}\n", version.golden))
    }

    /// Source files that may contain a `contract!`.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn sources(&self) -> Result<Vec<String>> {
        let dir = self.path("src");
        let entries = fs::read_dir(&dir).with_context(|| format!("failed to list {}", dir.display()))?;
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let is_rust = |name: &String| Path::new(name).extension().is_some_and(|extension| extension == "rs");
        let mut sources: Vec<_> = names.filter(is_rust).map(|name| format!("src/{name}")).collect();
        sources.sort();
        Ok(sources)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self, name: &str) -> Result<String> {
        let path = self.path(name);
        fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))
    }

    /// Writes a file unless its content is the same, because a written file is compiled again.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("failed to create {}", parent.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))
    }
}

fn file_name(kind: &str, event: &str, version: &str) -> String {
    format!("{kind}/{event}/{version}.json")
}
