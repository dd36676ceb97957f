//! The places in the source of `contracts` that a new version changes: the version in a `contract!`, and the steps in
//! `upcast.rs`, which end at lines marked for it. Nothing is changed twice.

use anyhow::{Context as _, Result, bail, ensure};

use crate::Change;

/// Ends the list of steps.
pub const STEPS_END: &str = "    // `cargo saga contracts new` adds the next step above this line.\n";
/// Ends the functions that steps are made of.
pub const FUNCTIONS_END: &str = "// `cargo saga contracts new` adds the next function above this line.\n";

/// The way of one version's data to the next.
#[derive(Debug, Clone, Copy)]
pub struct NewStep<'a> {
    /// The event type.
    pub event: &'a str,
    /// The version that data is in.
    pub from: &'a str,
    /// The version that it becomes.
    pub to: &'a str,
    /// What is different.
    pub changes: &'a [Change],
}

/// The source with the event's version changed in its `contract!`; none if the event is not declared there.
///
/// # Errors
/// It is declared in another version than either.
pub fn set_version(source: &str, event: &str, from: &str, to: &str) -> Result<Option<String>> {
    let declaration = format!("        {event}, \"");
    let Some(start) = source.find(&declaration).map(|start| start + declaration.len()) else { return Ok(None) };
    let end = source[start..].find('"').map(|length| start + length).context("a version is not closed")?;
    let declared = &source[start..end];
    ensure!(declared == from || declared == to, "{event} is declared at {declared}, which is neither {from} nor {to}");
    Ok(Some(format!("{}{to}{}", &source[..start], &source[end..])))
}

impl NewStep<'_> {
    /// Whether the step follows from the changes: old data fits, or lacks only what has a default.
    pub fn is_known(&self) -> bool {
        self.changes.iter().all(|change| change.compatibility.is_backward() || change.default.is_some())
    }

    /// The source of `upcast.rs` with this step, whole if it [is known](Self::is_known), else as one that always fails.
    ///
    /// # Errors
    /// A marked line is missing.
    pub fn add_to(&self, source: &str) -> Result<String> {
        if self.is_in(source) {
            return Ok(source.to_owned());
        }
        if self.is_known() {
            return insert(source, STEPS_END, &self.entry(&self.closure()));
        }
        let source = insert(source, STEPS_END, &self.entry(&self.function_name()))?;
        insert(&source, FUNCTIONS_END, &self.function())
    }

    /// Whether the source has this step: told by its words, for formatting may have broken its lines.
    fn is_in(&self, source: &str) -> bool {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let Self { event, from, to, .. } = self;
        words(source).contains(&format!("event: \"{event}\", from: \"{from}\", to: \"{to}\""))
    }

    fn entry(&self, apply: &str) -> String {
        let Self { event, from, to, .. } = self;
        format!("    Step {{ event: \"{event}\", from: \"{from}\", to: \"{to}\", apply: {apply} }},\n")
    }

    fn closure(&self) -> String {
        let filled = |change: &Change| {
            let default = change.default.as_ref()?;
            Some(format!("fill(data, {:?}, &json!({default})); ", change.pointer))
        };
        let fills: String = self.changes.iter().filter_map(filled).collect();
        if fills.is_empty() { "|_| Ok(())".to_owned() } else { format!("|data| {{ {fills}Ok(()) }}") }
    }

    fn function_name(&self) -> String {
        let mut name = String::new();
        for letter in self.event.chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_lowercase());
        }
        format!("{name}_{}_to_{}", self.from.replace('-', "_"), self.to.replace('-', "_"))
    }

    fn function(&self) -> String {
        let changes: Vec<_> = self.changes.iter().map(|change| format!("    // {change}\n")).collect();
        let changes = changes.concat();
        format!(
            "/// Not written yet.\nfn {}(_data: &mut Map<String, Value>) -> Result<(), &'static str> {{\n{changes}    \
             Err(\"this step is not written yet\")\n}}\n\n",
            self.function_name()
        )
    }
}

fn insert(source: &str, before: &str, text: &str) -> Result<String> {
    let Some((head, tail)) = source.split_once(before) else { bail!("upcast.rs has no line '{}'", before.trim()) };
    Ok(format!("{head}{text}{before}{tail}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compare;

    fn upcast() -> String {
        format!("const STEPS: &[Step] = &[\n{STEPS_END}];\n\n{FUNCTIONS_END}")
    }

    fn step(changes: &[Change]) -> NewStep<'_> {
        NewStep { event: "OrderPlaced", from: "2026-11", to: "2026-12", changes }
    }

    #[test]
    fn the_version_is_changed_where_it_is_declared_and_once() {
        let source = "    X, owner Y, topic \"x\" {\n        OrderPlaced, \"2026-11\";\n        OrderPlacedTwice, \"2026-11\";\n";
        let changed = set_version(source, "OrderPlaced", "2026-11", "2026-12").unwrap().unwrap();
        assert_eq!(changed, source.replacen("2026-11", "2026-12", 1));
        assert_eq!(set_version(&changed, "OrderPlaced", "2026-11", "2026-12").unwrap(), Some(changed));
        assert_eq!(set_version(source, "OrderLost", "2026-11", "2026-12").unwrap(), None);
        let error = set_version(source, "OrderPlaced", "2026-09", "2026-10").unwrap_err().to_string();
        assert_eq!(error, "OrderPlaced is declared at 2026-11, which is neither 2026-09 nor 2026-10");
    }

    #[test]
    fn what_only_adds_is_a_whole_step() {
        let old = json!({ "properties": { "lines": { "items": { "properties": {} } } } });
        let new = json!({ "required": ["gift"], "properties": {
            "note": { "type": "string" }, "gift": { "type": "boolean", "default": false },
            "lines": { "items": { "properties": { "engraving": { "default": "no \"text\"" } } } },
        }});
        let changes = compare(&old, &new);
        let added = step(&changes).add_to(&upcast()).unwrap();
        let expected = r#"apply: |data| { fill(data, "/lines/*/engraving", &json!("no \"text\"")); fill(data, "/gift", &json!(false)); Ok(()) } },"#;
        assert!(added.contains(expected), "{added}");
        assert_eq!(step(&changes).add_to(&added).unwrap(), added, "nothing is added twice");
        let broken = added.replace("Step { event", "Step {\n        event").replace(", from", ",\n        from");
        assert_eq!(step(&changes).add_to(&broken).unwrap(), broken, "also when it was formatted");
    }

    #[test]
    fn data_that_fits_needs_nothing_done() {
        let changes = compare(&json!({ "required": ["a"] }), &json!({}));
        assert!(step(&changes).add_to(&upcast()).unwrap().contains("apply: |_| Ok(()) },\n"));
    }

    #[test]
    fn what_does_not_follow_is_a_step_that_fails_and_says_what_it_must_do() {
        let changes = compare(&json!({ "type": "string" }), &json!({ "type": "integer" }));
        let added = step(&changes).add_to(&upcast()).unwrap();
        assert!(added.contains("apply: order_placed_2026_11_to_2026_12 },\n"), "{added}");
        assert!(added.contains("fn order_placed_2026_11_to_2026_12(_data: &mut Map<String, Value>)"), "{added}");
        assert!(added.contains("    // /: type changed from string to integer: "), "{added}");
        assert!(added.contains("Err(\"this step is not written yet\")"), "{added}");
        assert_eq!(step(&changes).add_to(&added).unwrap(), added, "nothing is added twice");
    }

    #[test]
    fn a_missing_mark_is_named() {
        let error = step(&[]).add_to("").unwrap_err().to_string();
        assert!(error.contains("cargo saga contracts new"), "{error}");
    }
}
