//! List of the released versions. Entries are added and never changed.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::expand::{canonical, expand};

/// Fingerprints of all released versions, by event and version: the committed `released.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Released(BTreeMap<String, BTreeMap<String, Fingerprints>>);

/// Hashes of the files of a released version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprints {
    /// Hash of the schema without prose, because a better description does not change the contract.
    pub schema: String,
    /// Hash of the golden file, an example of the data that producers of the version write.
    pub golden: String,
}

/// Content of the files of one event version.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionFiles {
    pub event: String,
    /// Year and month, such as `2026-11`.
    pub version: String,
    pub schema: Value,
    /// Example event.
    pub golden: Value,
}

impl VersionFiles {
    /// Fingerprints that a release records.
    pub fn fingerprints(&self) -> Fingerprints {
        Fingerprints { schema: fingerprint(&expand(&self.schema)), golden: fingerprint(&self.golden) }
    }
}

impl Released {
    /// Parses the list.
    ///
    /// # Errors
    /// The text is invalid.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("invalid list of released versions")
    }

    /// Text of the committed file.
    ///
    /// # Errors
    /// Never in practice, because all keys are strings.
    pub fn to_text(&self) -> Result<String> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }

    /// All released versions as event, version and fingerprints, sorted.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str, &Fingerprints)> {
        self.0.iter().flat_map(|(event, versions)| {
            versions.iter().map(|(version, prints)| (event.as_str(), version.as_str(), prints))
        })
    }

    /// Newest released version of an event.
    pub fn newest(&self, event: &str) -> Option<&str> {
        self.0.get(event)?.last_key_value().map(|(version, _)| version.as_str())
    }

    /// Records a version. Returns whether it is new.
    ///
    /// # Errors
    /// The version is recorded with other content.
    pub fn record(&mut self, version: &VersionFiles) -> Result<bool> {
        let prints = version.fingerprints();
        let versions = self.0.entry(version.event.clone()).or_default();
        let Some(known) = versions.get(&version.version) else {
            versions.insert(version.version.clone(), prints);
            return Ok(true);
        };
        ensure!(*known == prints, "{} {} is already released with other content", version.event, version.version);
        Ok(false)
    }
}

fn fingerprint(value: &Value) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(canonical(value));
    digest.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(schema: Value) -> VersionFiles {
        VersionFiles { event: "Moved".into(), version: "2026-11".into(), schema, golden: json!({ "to": 1 }) }
    }

    #[test]
    fn record_rejects_other_content_of_a_version() {
        let mut released = Released::default();
        let first = version(json!({ "type": "object", "description": "It moved." }));
        assert!(released.record(&first).unwrap());
        assert!(!released.record(&first).unwrap(), "already recorded");
        let reworded = version(json!({ "description": "Something moved.", "type": "object" }));
        assert!(!released.record(&reworded).unwrap(), "prose is not part of the contract");
        let error = released.record(&version(json!({ "type": "string" }))).unwrap_err();
        assert_eq!(error.to_string(), "Moved 2026-11 is already released with other content");
        assert_eq!(Released::parse(&released.to_text().unwrap()).unwrap(), released);
    }

    #[test]
    fn newest_is_the_last_by_date() {
        let mut released = Released::default();
        for date in ["2027-01", "2026-10", "2026-12"] {
            released.record(&VersionFiles { version: date.into(), ..version(json!({})) }).unwrap();
        }
        assert_eq!(released.newest("Moved"), Some("2027-01"));
        assert_eq!(released.newest("Stayed"), None);
    }
}
