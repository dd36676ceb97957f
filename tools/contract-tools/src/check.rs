//! The rules: what was released stays, what changes gets a new version, and every old version leads to the newest.

use std::fmt;

use crate::{Change, Code, CurrentEvent, Released, Version, compare, compare::compatibility};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What has changed since the last release, and whom it hurts.
    pub changes: Vec<String>,
    /// What must not be released like this.
    pub problems: Vec<String>,
}

impl fmt::Display for Report {
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

/// Compares the code with what was released. `history` has the files of each released version; a version whose files can't
/// be read is told as an error's text.
pub fn check(code: &Code, released: &Released, history: &[Result<Version, String>]) -> Report {
    let mut report = Report::default();
    report.problems.extend(history.iter().filter_map(|version| version.as_ref().err().cloned()));
    let history: Vec<_> = history.iter().flatten().collect();
    for (event, version, prints) in released.all() {
        let Some(files) = find(&history, event, version) else { continue };
        let now = files.fingerprints();
        for (kind, edited) in [("schemas", now.schema != prints.schema), ("golden", now.golden != prints.golden)] {
            if edited {
                report.problems.push(format!(
                    "{kind}/{event}/{version}.json is not what was released; restore it, and give {event} a new version",
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

fn find<'a>(history: &[&'a Version], event: &str, version: &str) -> Option<&'a Version> {
    history.iter().find(|files| files.event == event && files.version == version).copied()
}

impl Report {
    /// Data of a released version may still be on a topic and in a log, for as long as those are kept.
    fn must_be_readable(&mut self, code: &Code, files: &Version) {
        let Version { event, version, golden, .. } = files;
        let Some(current) = code.event(event) else {
            self.problems
                .push(format!("{event} was released and is not in the code any more, but its data may still be read"));
            return;
        };
        // With the same version there is nothing between the data and the type: `event` says what has changed there.
        if *version != current.version
            && let Err(error) = (code.reread)(event, version, golden)
        {
            self.problems.push(format!("nothing leads from {event} {version} to {}: {error}", current.version));
        }
    }

    fn event(&mut self, event: &CurrentEvent, newest: Option<&Version>, is_released: bool) {
        let CurrentEvent { name, version, schema } = event;
        let Some(newest) = newest else {
            if !is_released {
                self.changes.push(format!("{name} {version}: new"));
            }
            return;
        };
        let changes = compare(&newest.schema, schema);
        if *version < newest.version {
            self.problems.push(format!("{name} is at {version}, but {} was released", newest.version));
        } else if *version == newest.version && !changes.is_empty() {
            self.changed(event, &newest.version, &changes);
            self.problems.push(format!(
                "{name} has changed since {version} was released; give it a new version: \
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

    fn released(version: &str) -> Version {
        let golden = json!({ "lines": [] });
        Version { event: "OrderPlaced".into(), version: version.into(), schema: schema(1), golden }
    }

    fn code(version: &str, minimum: u8, reread: Result<Value, String>) -> Code {
        let event = CurrentEvent { name: "OrderPlaced".into(), version: version.into(), schema: schema(minimum) };
        Code { events: vec![event], reread: Box::new(move |_, _, _| reread.clone()) }
    }

    fn report(code: &Code, files: &Version) -> Report {
        let mut list = Released::default();
        list.record(&released("2026-11")).expect("the first");
        check(code, &list, &[Ok(files.clone())])
    }

    const FINE: Result<Value, String> = Ok(Value::Null);

    #[test]
    fn what_is_as_released_is_fine() {
        assert_eq!(report(&code("2026-11", 1, FINE), &released("2026-11")), Report::default());
    }

    #[test]
    fn a_change_without_a_new_version_is_told_with_its_reason_and_its_remedy() {
        let report = report(&code("2026-11", 2, FINE), &released("2026-11"));
        assert_eq!(
            report.changes,
            [
                "OrderPlaced 2026-11 since 2026-11: forward compatible only; deploy in any order",
                "  OrderPlaced /lines/*/quantity: minimum raised from 1 to 2: data of older producers may not fit",
            ]
        );
        assert_eq!(
            report.problems,
            ["OrderPlaced has changed since 2026-11 was released; give it a new version: \
                                      cargo saga contracts new OrderPlaced <YYYY-MM>"]
        );
    }

    #[test]
    fn a_new_version_is_fine_if_the_old_one_leads_to_it() {
        let good = report(&code("2026-12", 2, FINE), &released("2026-11"));
        assert_eq!(good.problems, [""; 0]);
        assert_eq!(good.changes.len(), 2);
        let bad = report(&code("2026-12", 2, Err("no step".into())), &released("2026-11"));
        assert_eq!(bad.problems, ["nothing leads from OrderPlaced 2026-11 to 2026-12: no step"]);
    }

    #[test]
    fn edited_files_going_back_and_removing_are_told() {
        let edited = Version { schema: json!({}), golden: json!(1), ..released("2026-11") };
        let problems = report(&code("2026-11", 1, FINE), &edited).problems;
        assert!(problems[0].starts_with("schemas/OrderPlaced/2026-11.json is not what was released"), "{problems:?}");
        assert!(problems[1].starts_with("golden/OrderPlaced/2026-11.json is not what was released"), "{problems:?}");

        let back = report(&code("2026-10", 1, FINE), &released("2026-11"));
        assert_eq!(back.problems, ["OrderPlaced is at 2026-10, but 2026-11 was released"]);
        let gone = report(&Code { events: Vec::new(), reread: Box::new(|_, _, _| FINE) }, &released("2026-11"));
        assert!(gone.problems[0].contains("is not in the code any more"), "{gone}");
    }

    #[test]
    fn a_released_version_whose_files_are_missing_is_told() {
        let mut list = Released::default();
        list.record(&released("2026-11")).expect("the first");
        let report = check(&code("2026-11", 1, FINE), &list, &[Err("cannot read it".into())]);
        assert_eq!(report.problems, ["cannot read it"]);
    }
}
