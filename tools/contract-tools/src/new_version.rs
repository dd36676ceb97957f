//! Creates a new version of an event: its files, its version in the code, and the upcaster from the previous version.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::{
    code::{CodeContracts, CurrentEvent},
    compare::{Change, compare},
    folder::ContractsFolder,
    released::VersionFiles,
    source::{NewStep, set_version},
};

/// Result of creating a version.
#[derive(Debug, Clone, PartialEq)]
pub struct CreatedVersion {
    /// Previous, released version.
    pub from: String,
    pub changes: Vec<Change>,
    /// True if the upcaster is complete. Otherwise it must be written by hand.
    pub is_complete: bool,
}

/// Creates version `to` of an event whose Rust type has changed since its last release. A repeated call changes
/// nothing.
///
/// # Errors
/// The event is unknown or unchanged, `to` is not a date after the last release, another version is not released yet,
/// or a file cannot be read or written.
pub fn new_version(folder: &ContractsFolder, code: &CodeContracts, event: &str, to: &str) -> Result<CreatedVersion> {
    let current = code.event(event).with_context(|| format!("unknown event {event}"))?;
    ensure!(is_date(to), "invalid version '{to}': must be a year and a month, such as 2027-01");
    let released = folder.released()?;
    let from =
        released.newest(event).with_context(|| format!("{event} was never released and needs no new version"))?;
    ensure!(to > from, "{to} is not after the released version {from}");
    let CurrentEvent { version, .. } = current;
    ensure!(version == from || version == to, "{event} {version} is not released yet; change that version");

    let before = folder.version(event, from)?;
    let changes = compare(&before.schema, &current.schema);
    ensure!(!changes.is_empty(), "{event} has not changed since its release in {from}; change its Rust type first");
    let step = NewStep { event, from, to, changes: &changes };
    let golden = golden(code, &before, &step);
    let (event, to) = (event.to_owned(), to.to_owned());
    folder.write_version(&VersionFiles { event, version: to, schema: current.schema.clone(), golden })?;
    declare(folder, &step)?;
    folder.write("src/upcast.rs", &step.add_to(&folder.read("src/upcast.rs")?)?)?;
    let is_complete = step.is_known();
    Ok(CreatedVersion { from: from.to_owned(), is_complete, changes })
}

/// Golden file of the previous version, deserialized and serialized as the changed type. If that fails, the file is
/// copied and the contract test fails until the upcaster is written and the file regenerated.
fn golden(code: &CodeContracts, before: &VersionFiles, step: &NewStep<'_>) -> Value {
    let mut data = before.golden.clone();
    if step.is_known()
        && let Value::Object(fields) = &mut data
    {
        for change in step.changes {
            if let Some(default) = &change.default {
                contracts::upcast::fill(fields, &change.pointer, default);
            }
        }
    }
    // The version that the code declares, so that no upcaster is applied.
    let declared = code.event(&before.event).map_or(before.version.as_str(), |event| event.version.as_str());
    (code.reread)(&before.event, declared, &data).unwrap_or(data)
}

fn declare(folder: &ContractsFolder, step: &NewStep<'_>) -> Result<()> {
    for name in folder.sources()? {
        if let Some(changed) = set_version(&folder.read(&name)?, step.event, step.from, step.to)? {
            return folder.write(&name, &changed);
        }
    }
    bail!("no contract! declares {} on its own line", step.event)
}

/// Returns whether the text is a year and a month, such as `2026-11`.
fn is_date(text: &str) -> bool {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((year, month)) = text.split_once('-') else { return false };
    let is_month = month.len() == 2 && month.parse().is_ok_and(|month: u8| (1..=12).contains(&month));
    year.len() == 4 && is_number(year) && is_number(month) && is_month
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_is_a_year_and_a_month() {
        assert!(is_date("2026-11") && is_date("2027-01"));
        for bad in ["2026-13", "2026-00", "26-11", "2026-1", "2026-+1", "2026", "latest", ""] {
            assert!(!is_date(bad), "{bad}");
        }
    }
}
