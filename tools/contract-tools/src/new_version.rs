//! Makes a new version of an event: its files, its version in the code, and the step from the version before.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::{
    Change, Code, CurrentEvent, Folder, Version, compare,
    source::{NewStep, set_version},
};

/// What was made, and what is left to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The released version that it follows.
    pub from: String,
    /// What is different.
    pub changes: Vec<Change>,
    /// Whether the step is whole; if not, somebody must write it.
    pub is_complete: bool,
}

/// Makes version `to` of an event whose Rust type has changed since its last release. Making it again changes nothing.
///
/// # Errors
/// There is no such event, nothing has changed, `to` is no date after the last release, another version is not released
/// yet, or a file can't be read or written.
pub fn new_version(folder: &Folder, code: &Code, event: &str, to: &str) -> Result<Made> {
    let current = code.event(event).with_context(|| format!("there is no event {event}"))?;
    ensure!(is_date(to), "'{to}' is no version: a year and a month, such as 2027-01");
    let released = folder.released()?;
    let from =
        released.newest(event).with_context(|| format!("{event} was never released; it needs no new version"))?;
    ensure!(to > from, "{to} is not after {from}, which is released");
    let CurrentEvent { version, .. } = current;
    ensure!(version == from || version == to, "{event} {version} is not released yet; change that one");

    let before = folder.version(event, from)?;
    let changes = compare(&before.schema, &current.schema);
    ensure!(!changes.is_empty(), "{event} is as it was released in {from}; change its Rust type first");
    let step = NewStep { event, from, to, changes: &changes };
    let golden = golden(code, &before, &step);
    let (event, to) = (event.to_owned(), to.to_owned());
    folder.write_version(&Version { event, version: to, schema: current.schema.clone(), golden })?;
    declare(folder, &step)?;
    folder.write("src/upcast.rs", &step.add_to(&folder.read("src/upcast.rs")?)?)?;
    let is_complete = step.is_known();
    Ok(Made { from: from.to_owned(), is_complete, changes })
}

/// The golden file of the version before, as the changed type reads and writes it. If it can't, it stays as it was: the
/// contract test fails then, until the step is written and the file made anew.
fn golden(code: &Code, before: &Version, step: &NewStep<'_>) -> Value {
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
    // In the version that the code declares, so that no step is between the data and the type.
    let declared = code.event(&before.event).map_or(before.version.as_str(), |event| event.version.as_str());
    (code.reread)(&before.event, declared, &data).unwrap_or(data)
}

fn declare(folder: &Folder, step: &NewStep<'_>) -> Result<()> {
    for name in folder.sources()? {
        if let Some(changed) = set_version(&folder.read(&name)?, step.event, step.from, step.to)? {
            return folder.write(&name, &changed);
        }
    }
    bail!("no contract! declares {} on a line of its own", step.event)
}

/// A year and a month, as in `2026-11`.
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
    fn a_version_is_a_year_and_a_month() {
        assert!(is_date("2026-11") && is_date("2027-01"));
        for bad in ["2026-13", "2026-00", "26-11", "2026-1", "2026-+1", "2026", "latest", ""] {
            assert!(!is_date(bad), "{bad}");
        }
    }
}
