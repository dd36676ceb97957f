//! The list of what was released. Entries are added to it and never changed.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{compare::canonical, expand};

/// By event and version, what the files of each released version were. The committed `released.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Released(BTreeMap<String, BTreeMap<String, Fingerprints>>);

/// What the files of a released version meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprints {
    /// Of the schema, without its prose: a better description is no other contract.
    pub schema: String,
    /// Of the golden file: what a producer of that version wrote.
    pub golden: String,
}

/// A version of an event as its files tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// The event type.
    pub event: String,
    /// By year and month.
    pub version: String,
    /// Its JSON Schema.
    pub schema: Value,
    /// One event as JSON.
    pub golden: Value,
}

impl Version {
    /// What is remembered of it when it is released.
    pub fn fingerprints(&self) -> Fingerprints {
        Fingerprints { schema: fingerprint(&expand(&self.schema)), golden: fingerprint(&self.golden) }
    }
}

impl Released {
    /// Reads the list.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("the list of released versions is damaged")
    }

    /// The list as it is committed.
    ///
    /// # Errors
    /// Never in practice: it has string keys only.
    pub fn to_text(&self) -> Result<String> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }

    /// Every released version: event, version, fingerprints; sorted.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str, &Fingerprints)> {
        self.0.iter().flat_map(|(event, versions)| {
            versions.iter().map(|(version, prints)| (event.as_str(), version.as_str(), prints))
        })
    }

    /// The newest released version of an event.
    pub fn newest(&self, event: &str) -> Option<&str> {
        self.0.get(event)?.last_key_value().map(|(version, _)| version.as_str())
    }

    /// Records a version; tells whether it is new here.
    ///
    /// # Errors
    /// It is recorded already, with other content.
    pub fn record(&mut self, version: &Version) -> Result<bool> {
        let prints = version.fingerprints();
        let versions = self.0.entry(version.event.clone()).or_default();
        let Some(known) = versions.get(&version.version) else {
            versions.insert(version.version.clone(), prints);
            return Ok(true);
        };
        ensure!(*known == prints, "{} {} is released already, with other content", version.event, version.version);
        Ok(false)
    }
}

fn fingerprint(value: &Value) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(canonical(value));
    digest.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(schema: Value) -> Version {
        Version { event: "Moved".into(), version: "2026-11".into(), schema, golden: json!({ "to": 1 }) }
    }

    #[test]
    fn what_is_recorded_stays() {
        let mut released = Released::default();
        let first = version(json!({ "type": "object", "description": "It moved." }));
        assert!(released.record(&first).unwrap());
        assert!(!released.record(&first).unwrap(), "it is there already");
        let reworded = version(json!({ "description": "Something moved.", "type": "object" }));
        assert!(!released.record(&reworded).unwrap(), "prose is not the contract");
        let error = released.record(&version(json!({ "type": "string" }))).unwrap_err();
        assert_eq!(error.to_string(), "Moved 2026-11 is released already, with other content");
        assert_eq!(Released::parse(&released.to_text().unwrap()).unwrap(), released);
    }

    #[test]
    fn the_newest_is_the_last_by_date() {
        let mut released = Released::default();
        for date in ["2027-01", "2026-10", "2026-12"] {
            released.record(&Version { version: date.into(), ..version(json!({})) }).unwrap();
        }
        assert_eq!(released.newest("Moved"), Some("2027-01"));
        assert_eq!(released.newest("Stayed"), None);
    }
}
