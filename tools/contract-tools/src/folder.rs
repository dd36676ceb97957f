//! The files of `shared/contracts`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{Released, Version};

/// The folder of the crate `contracts`.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// That of the checkout in which this program was built.
    pub fn of_this_checkout() -> Self {
        Self::at(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/contracts"))
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What was released.
    ///
    /// # Errors
    /// The list can't be read.
    pub fn released(&self) -> Result<Released> {
        Released::parse(&self.read("released.json")?)
    }

    /// Writes the list of what was released.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write_released(&self, released: &Released) -> Result<()> {
        self.write("released.json", &released.to_text()?)
    }

    /// The files of a version.
    ///
    /// # Errors
    /// One is missing, or no JSON.
    pub fn version(&self, event: &str, version: &str) -> Result<Version> {
        let json = |kind: &str| -> Result<Value> {
            let name = file_name(kind, event, version);
            serde_json::from_str(&self.read(&name)?).with_context(|| format!("{name} is no JSON"))
        };
        let (schema, golden) = (json("schemas")?, json("golden")?);
        Ok(Version { event: event.to_owned(), version: version.to_owned(), schema, golden })
    }

    /// The files of every released version; of one that can't be read, why.
    pub fn history(&self, released: &Released) -> Vec<Result<Version, String>> {
        let read =
            |(event, version, _): (&str, &str, _)| self.version(event, version).map_err(|error| format!("{error:#}"));
        released.all().map(read).collect()
    }

    /// Writes the files of a version; a golden file that is there stays.
    ///
    /// # Errors
    /// They can't be written.
    pub fn write_version(&self, version: &Version) -> Result<()> {
        let name = |kind: &str| file_name(kind, &version.event, &version.version);
        self.write(&name("schemas"), &format!("{:#}\n", version.schema))?;
        if self.path(&name("golden")).exists() {
            return Ok(());
        }
        self.write(&name("golden"), &format!("{:#}\n", version.golden))
    }

    /// The source files that may have a `contract!`.
    ///
    /// # Errors
    /// They can't be listed.
    pub fn sources(&self) -> Result<Vec<String>> {
        let dir = self.path("src");
        let entries = fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let is_rust = |name: &String| Path::new(name).extension().is_some_and(|extension| extension == "rs");
        let mut sources: Vec<_> = names.filter(is_rust).map(|name| format!("src/{name}")).collect();
        sources.sort();
        Ok(sources)
    }

    /// A file's text.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read(&self, name: &str) -> Result<String> {
        let path = self.path(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Writes a file, unless it has this text already: an unchanged file is not compiled again.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

fn file_name(kind: &str, event: &str, version: &str) -> String {
    format!("{kind}/{event}/{version}.json")
}
