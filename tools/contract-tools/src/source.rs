//! Source lines of `contracts` that a new version changes: the version in a `contract!`, and the steps in `upcast.rs`,
//! whose ends are marked by comments. A repeated change has no effect.

use anyhow::{Context as _, Result, bail, ensure};

use crate::compare::Change;

/// Marks the end of the list of steps.
pub const STEPS_END: &str = "    // `cargo saga contracts new` adds the next step above this line.\n";
/// Marks the end of the functions of the steps.
pub const FUNCTIONS_END: &str = "// `cargo saga contracts new` adds the next function above this line.\n";

/// Upcaster from one version to the next.
#[derive(Debug, Clone, Copy)]
pub struct NewStep<'a> {
    pub event: &'a str,
    pub from: &'a str,
    pub to: &'a str,
    pub changes: &'a [Change],
}

/// Changes the version of an event in its `contract!`. Returns `None` if the source does not declare the event.
///
/// # Errors
/// The event is declared at a version that is neither `from` nor `to`.
pub fn set_version(source: &str, event: &str, from: &str, to: &str) -> Result<Option<String>> {
    let declaration = format!("        {event}, \"");
    let Some(start) = source.find(&declaration).map(|start| start + declaration.len()) else { return Ok(None) };
    let end = source[start..].find('"').map(|length| start + length).context("unterminated version")?;
    let declared = &source[start..end];
    ensure!(declared == from || declared == to, "{event} is declared at {declared}, which is neither {from} nor {to}");
    Ok(Some(format!("{}{to}{}", &source[..start], &source[end..])))
}

impl NewStep<'_> {
    /// Returns whether the step follows from the changes: old data is valid, or lacks only fields with a default.
    pub fn is_known(&self) -> bool {
        self.changes.iter().all(|change| change.compatibility.is_backward() || change.default.is_some())
    }

    /// Adds the step to the source of `upcast.rs`: complete if it [is known](Self::is_known), else as a function that
    /// fails.
    ///
    /// # Errors
    /// A marker is missing.
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

    /// Returns whether the source contains this step. Whitespace is ignored, because formatting may have broken its
    /// lines.
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
    let Some((head, tail)) = source.split_once(before) else { bail!("missing line in upcast.rs: '{}'", before.trim()) };
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
    fn set_version_changes_the_declaration_once() {
        let source = "    X, owner Y, topic \"x\" {\n        OrderPlaced, \"2026-11\";\n        OrderPlacedTwice, \"2026-11\";\n";
        let changed = set_version(source, "OrderPlaced", "2026-11", "2026-12").unwrap().unwrap();
        assert_eq!(changed, source.replacen("2026-11", "2026-12", 1));
        assert_eq!(set_version(&changed, "OrderPlaced", "2026-11", "2026-12").unwrap(), Some(changed));
        assert_eq!(set_version(source, "OrderLost", "2026-11", "2026-12").unwrap(), None);
        let error = set_version(source, "OrderPlaced", "2026-09", "2026-10").unwrap_err().to_string();
        assert_eq!(error, "OrderPlaced is declared at 2026-11, which is neither 2026-09 nor 2026-10");
    }

    #[test]
    fn added_fields_make_a_complete_step() {
        let old = json!({ "properties": { "lines": { "items": { "properties": {} } } } });
        let new = json!({ "required": ["gift"], "properties": {
            "note": { "type": "string" }, "gift": { "type": "boolean", "default": false },
            "lines": { "items": { "properties": { "engraving": { "default": "no \"text\"" } } } },
        }});
        let changes = compare(&old, &new);
        let added = step(&changes).add_to(&upcast()).unwrap();
        let expected = r#"apply: |data| { fill(data, "/lines/*/engraving", &json!("no \"text\"")); fill(data, "/gift", &json!(false)); Ok(()) } },"#;
        assert!(added.contains(expected), "{added}");
        assert_eq!(step(&changes).add_to(&added).unwrap(), added, "added once");
        let broken = added.replace("Step { event", "Step {\n        event").replace(", from", ",\n        from");
        assert_eq!(step(&changes).add_to(&broken).unwrap(), broken, "also after formatting");
    }

    #[test]
    fn compatible_data_needs_an_empty_step() {
        let changes = compare(&json!({ "required": ["a"] }), &json!({}));
        assert!(step(&changes).add_to(&upcast()).unwrap().contains("apply: |_| Ok(()) },\n"));
    }

    #[test]
    fn unknown_step_fails_and_lists_the_changes() {
        let changes = compare(&json!({ "type": "string" }), &json!({ "type": "integer" }));
        let added = step(&changes).add_to(&upcast()).unwrap();
        assert!(added.contains("apply: order_placed_2026_11_to_2026_12 },\n"), "{added}");
        assert!(added.contains("fn order_placed_2026_11_to_2026_12(_data: &mut Map<String, Value>)"), "{added}");
        assert!(added.contains("    // /: type changed from string to integer: "), "{added}");
        assert!(added.contains("Err(\"this step is not written yet\")"), "{added}");
        assert_eq!(step(&changes).add_to(&added).unwrap(), added, "added once");
    }

    #[test]
    fn missing_marker_is_named() {
        let error = step(&[]).add_to("").unwrap_err().to_string();
        assert!(error.contains("cargo saga contracts new"), "{error}");
    }
}
