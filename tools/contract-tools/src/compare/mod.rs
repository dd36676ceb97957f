//! Comparison of two JSON Schemas: the compatibility of each difference.
//!
//! A change of an unknown keyword is incompatible, so an unsupported feature is never reported as compatible. Existing
//! crates are unsuitable: one is unfinished and compares in one direction only, another returns yes or no without a
//! reason. `tests/sound.rs` checks this implementation against a validator.

mod change;
mod limits;
mod objects;

use serde_json::{Map, Value, json};

pub use change::{Change, compatibility};

use self::change::Changes;
use crate::{
    compatibility::Compatibility,
    expand::{canonical, expand, types},
};

/// All differences between the data that two schemas describe. Empty if only their wording differs.
pub fn compare(old: &Value, new: &Value) -> Vec<Change> {
    let (old, new) = (expand(old), expand(new));
    let mut changes = Changes(Vec::new());
    changes.node("", &old, &new);
    if changes.0.is_empty() && canonical(&old) != canonical(&new) {
        changes.add("", "unsupported change", Compatibility::Incompatible);
    }
    changes.0
}

/// Keywords that are compared by meaning. All others are compared by text.
const UNDERSTOOD: [&str; 9] =
    ["type", "enum", "format", "properties", "required", "additionalProperties", "items", "default", "uniqueItems"];
/// Keywords with alternative schemas.
const CHOICES: [&str; 2] = ["anyOf", "oneOf"];

impl Changes {
    /// Compares two schemas for the data at `at`.
    fn node(&mut self, at: &str, old: &Value, new: &Value) {
        let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
            if old != new {
                self.add(at, "not a schema in one of the versions", Compatibility::Incompatible);
            }
            return;
        };
        if self.types(at, old.get("type"), new.get("type")) {
            self.values(at, old.get("enum"), new.get("enum"));
            self.limits(at, old, new);
            self.object(at, old, new);
            self.elements(at, old.get("items"), new.get("items"));
            for choice in CHOICES {
                self.choice(at, choice, old.get(choice), new.get(choice));
            }
            self.others(at, old, new);
        }
    }

    /// Compares types. Returns whether both schemas allow a common type, so that a comparison of the rest is useful.
    fn types(&mut self, at: &str, old: Option<&Value>, new: Option<&Value>) -> bool {
        if old == new {
            return true;
        }
        let (old, new) = (old.map(types), new.map(types));
        let compatibility =
            Compatibility::new(covers(new.as_deref(), old.as_deref()), covers(old.as_deref(), new.as_deref()));
        self.add(
            at,
            format!("type changed from {} to {}", names(old.as_deref()), names(new.as_deref())),
            compatibility,
        );
        match (old, new) {
            (Some(old), Some(new)) => {
                compatibility != Compatibility::Incompatible || old.iter().any(|name| new.contains(name))
            }
            _ => true,
        }
    }

    fn values(&mut self, at: &str, old: Option<&Value>, new: Option<&Value>) {
        let list = |values: Option<&Value>| values.and_then(Value::as_array).cloned();
        match (list(old), list(new)) {
            (None, None) => {}
            (None, Some(new)) => self.add(at, format!("limited to the values {}", json!(new)), Compatibility::Forward),
            (Some(old), None) => {
                self.add(at, format!("no longer limited to the values {}", json!(old)), Compatibility::Backward);
            }
            (Some(old), Some(new)) => {
                for value in new.iter().filter(|value| !old.contains(value)) {
                    self.add(at, format!("value {value} added"), Compatibility::Backward);
                }
                for value in old.iter().filter(|value| !new.contains(value)) {
                    self.add(at, format!("value {value} removed"), Compatibility::Forward);
                }
            }
        }
    }

    fn elements(&mut self, at: &str, old: Option<&Value>, new: Option<&Value>) {
        let any = json!({});
        if old.is_some() || new.is_some() {
            self.node(&format!("{at}/*"), old.unwrap_or(&any), new.unwrap_or(&any));
        }
    }

    /// Compares alternatives. Those in both versions are unchanged; if one remains on each side, they are compared.
    fn choice(&mut self, at: &str, keyword: &str, old: Option<&Value>, new: Option<&Value>) {
        let (Some(Value::Array(old)), Some(Value::Array(new))) = (old, new) else {
            return self.by_text(at, keyword, old, new);
        };
        let left = |these: &[Value], those: &[Value]| -> Vec<Value> {
            these.iter().filter(|schema| !those.contains(schema)).cloned().collect()
        };
        let (mut gone, mut come) = (left(old, new), left(new, old));
        if let ([old], [new]) = (&*gone, &*come) {
            return self.node(at, old, new);
        }
        for (old, new) in same_tags(&mut gone, &mut come) {
            self.node(at, &old, &new);
        }
        for schema in come {
            self.add(at, format!("alternative {schema} added"), Compatibility::Backward);
        }
        for schema in gone {
            self.add(at, format!("alternative {schema} removed"), Compatibility::Forward);
        }
    }

    fn others(&mut self, at: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let known =
            |keyword: &str| UNDERSTOOD.contains(&keyword) || CHOICES.contains(&keyword) || limits::is_limit(keyword);
        let only_new = new.keys().filter(|keyword| !old.contains_key(*keyword));
        for keyword in old.keys().chain(only_new).filter(|keyword| !known(keyword)) {
            self.by_text(at, keyword, old.get(keyword), new.get(keyword));
        }
    }

    /// Compares a constraint whose meaning is unknown: its addition or removal has a known effect, but the effect of
    /// its change is unknown.
    fn by_text(&mut self, at: &str, keyword: &str, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, Some(new)) => self.add(at, format!("{keyword} {new} added"), Compatibility::Forward),
            (Some(old), None) => self.add(at, format!("{keyword} {old} removed"), Compatibility::Backward),
            (Some(old), Some(new)) if canonical(old) != canonical(new) => {
                self.add(at, format!("{keyword} changed from {old} to {new}"), Compatibility::Incompatible);
            }
            _ => {}
        }
    }
}

/// Returns whether `all` allows every type of `these`. Integers are numbers.
fn covers(all: Option<&[Value]>, these: Option<&[Value]>) -> bool {
    let Some(all) = all else { return true };
    let allowed = |name: &Value| all.contains(name) || (name == "integer" && all.contains(&json!("number")));
    these.is_some_and(|these| these.iter().all(allowed))
}

fn names(types: Option<&[Value]>) -> String {
    let name = |name: &Value| name.as_str().unwrap_or("?").to_owned();
    types.map_or_else(|| "any".to_owned(), |types| types.iter().map(name).collect::<Vec<_>>().join(" or "))
}

/// Removes and returns the pairs that have the same constant field, which makes them the same variant of a Rust enum.
fn same_tags(gone: &mut Vec<Value>, come: &mut Vec<Value>) -> Vec<(Value, Value)> {
    let mut pairs = Vec::new();
    gone.retain(|old| {
        let same = come.iter().position(|new| tag(old).is_some() && tag(old) == tag(new));
        same.map(|place| pairs.push((old.clone(), come.remove(place)))).is_none()
    });
    pairs
}

/// Fields of a schema that allow one value only.
fn tag(schema: &Value) -> Option<Vec<(&String, &Value)>> {
    let properties = schema.get("properties")?.as_object()?;
    let one = |schema: &Value| schema.get("enum").and_then(Value::as_array).is_some_and(|values| values.len() == 1);
    let tags: Vec<_> =
        properties.iter().filter(|(_, schema)| one(schema)).map(|(name, schema)| (name, &schema["enum"][0])).collect();
    if tags.is_empty() { None } else { Some(tags) }
}
