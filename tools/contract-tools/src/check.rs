//! Rules: a released version is unchanged, a change has a new version, and every old version can be upcast to the
//! newest.

use std::fmt;

use crate::{
    code::{CodeContracts, CurrentEvent},
    compare::{Change, compare, compatibility},
    released::{Released, VersionFiles},
};

/// Result of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Changes since the last release with their compatibility.
    pub changes: Vec<String>,
    /// Problems that prevent a release.
    pub problems: Vec<String>,
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.changes {
            writeln!(f, "{line}")?;
        }
        for problem in &self.problems {
            writeln!(f, "error: {problem}")?;
        }
        Ok(())
    }
}

/// Compares the code with the released versions. `history` has the files of each released version, or the error that
/// prevented reading them.
pub fn check(code: &CodeContracts, released: &Released, history: &[Result<VersionFiles, String>]) -> CheckReport {
    let mut report = CheckReport::default();
    report.problems.extend(history.iter().filter_map(|version| version.as_ref().err().cloned()));
    let history: Vec<_> = history.iter().flatten().collect();
    for (event, version, prints) in released.all() {
        let Some(files) = find(&history, event, version) else { continue };
        let now = files.fingerprints();
        for (kind, edited) in [("schemas", now.schema != prints.schema), ("golden", now.golden != prints.golden)] {
            if edited {
                report.problems.push(format!(
                    "{kind}/{event}/{version}.json differs from its release; restore it and give {event} a new version",
                ));
            }
        }
        report.must_be_readable(code, files);
    }
    for event in &code.events {
        let newest = released.newest(&event.name).and_then(|version| find(&history, &event.name, version));
        report.event(event, newest, released.newest(&event.name).is_some());
    }
    report
}

fn find<'a>(history: &[&'a VersionFiles], event: &str, version: &str) -> Option<&'a VersionFiles> {
    history.iter().find(|files| files.event == event && files.version == version).copied()
}

impl CheckReport {
    /// Requires an upcaster for a released version, because topics and logs may still contain its data.
    fn must_be_readable(&mut self, code: &CodeContracts, files: &VersionFiles) {
        let VersionFiles { event, version, golden, .. } = files;
        let Some(current) = code.event(event) else {
            self.problems.push(format!("{event} is released but missing in the code; its data may still be read"));
            return;
        };
        // No upcaster is involved if the version is the same; `event` reports changes in that case.
        if *version != current.version
            && let Err(error) = (code.reread)(event, version, golden)
        {
            self.problems.push(format!("{event} {version} cannot be upcast to {}: {error}", current.version));
        }
    }

    fn event(&mut self, event: &CurrentEvent, newest: Option<&VersionFiles>, is_released: bool) {
        let CurrentEvent { name, version, schema } = event;
        let Some(newest) = newest else {
            if !is_released {
                self.changes.push(format!("{name} {version}: new"));
            }
            return;
        };
        let changes = compare(&newest.schema, schema);
        if *version < newest.version {
            self.problems.push(format!("{name} is at {version}, but {} is released", newest.version));
        } else if *version == newest.version && !changes.is_empty() {
            self.changed(event, &newest.version, &changes);
            self.problems.push(format!(
                "{name} has changed since the release of {version}; give it a new version: \
                 cargo saga contracts new {name} <YYYY-MM>"
            ));
        } else if *version > newest.version {
            self.changed(event, &newest.version, &changes);
        }
    }

    fn changed(&mut self, event: &CurrentEvent, since: &str, changes: &[Change]) {
        let CurrentEvent { name, version, .. } = event;
        let all = compatibility(changes);
        self.changes.push(format!("{name} {version} since {since}: {all}; deploy {}", all.rollout()));
        self.changes.extend(changes.iter().map(|change| format!("  {name} {change}")));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn schema(minimum: u8) -> Value {
        json!({ "properties": { "lines": { "items": { "properties": { "quantity": { "minimum": minimum } } } } } })
    }

    fn released(version: &str) -> VersionFiles {
        let golden = json!({ "lines": [] });
        VersionFiles { event: "OrderPlaced".into(), version: version.into(), schema: schema(1), golden }
    }

    fn code(version: &str, minimum: u8, reread: Result<Value, String>) -> CodeContracts {
        let event = CurrentEvent { name: "OrderPlaced".into(), version: version.into(), schema: schema(minimum) };
        CodeContracts { events: vec![event], reread: Box::new(move |_, _, _| reread.clone()) }
    }

    fn report(code: &CodeContracts, files: &VersionFiles) -> CheckReport {
        let mut list = Released::default();
        list.record(&released("2026-11")).expect("the first");
        check(code, &list, &[Ok(files.clone())])
    }

    const FINE: Result<Value, String> = Ok(Value::Null);

    #[test]
    fn unchanged_contract_has_no_problems() {
        assert_eq!(report(&code("2026-11", 1, FINE), &released("2026-11")), CheckReport::default());
    }

    #[test]
    fn change_without_new_version_is_a_problem() {
        let report = report(&code("2026-11", 2, FINE), &released("2026-11"));
        assert_eq!(
            report.changes,
            [
                "OrderPlaced 2026-11 since 2026-11: forward compatible only; deploy in any order",
                "  OrderPlaced /lines/*/quantity: minimum raised from 1 to 2: data of older producers may be rejected",
            ]
        );
        assert_eq!(
            report.problems,
            ["OrderPlaced has changed since the release of 2026-11; give it a new version: \
                                      cargo saga contracts new OrderPlaced <YYYY-MM>"]
        );
    }

    #[test]
    fn new_version_needs_an_upcaster() {
        let good = report(&code("2026-12", 2, FINE), &released("2026-11"));
        assert_eq!(good.problems, [""; 0]);
        assert_eq!(good.changes.len(), 2);
        let bad = report(&code("2026-12", 2, Err("no step".into())), &released("2026-11"));
        assert_eq!(bad.problems, ["OrderPlaced 2026-11 cannot be upcast to 2026-12: no step"]);
    }

    #[test]
    fn edits_downgrades_and_removals_are_problems() {
        let edited = VersionFiles { schema: json!({}), golden: json!(1), ..released("2026-11") };
        let problems = report(&code("2026-11", 1, FINE), &edited).problems;
        assert!(problems[0].starts_with("schemas/OrderPlaced/2026-11.json differs from its release"), "{problems:?}");
        assert!(problems[1].starts_with("golden/OrderPlaced/2026-11.json differs from its release"), "{problems:?}");

        let back = report(&code("2026-10", 1, FINE), &released("2026-11"));
        assert_eq!(back.problems, ["OrderPlaced is at 2026-10, but 2026-11 is released"]);
        let gone =
            report(&CodeContracts { events: Vec::new(), reread: Box::new(|_, _, _| FINE) }, &released("2026-11"));
        assert!(gone.problems[0].contains("missing in the code"), "{gone}");
    }

    #[test]
    fn missing_files_of_a_release_are_a_problem() {
        let mut list = Released::default();
        list.record(&released("2026-11")).expect("the first");
        let report = check(&code("2026-11", 1, FINE), &list, &[Err("failed to read it".into())]);
        assert_eq!(report.problems, ["failed to read it"]);
    }
}
