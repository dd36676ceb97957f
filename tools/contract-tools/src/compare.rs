//! Compares two JSON Schemas and says of each difference whom it hurts.
//!
//! What is not understood is never called compatible: a keyword that is not known here and has changed makes the change
//! incompatible. Of the crates that compare schemas, one calls itself work in progress and looks one way only, and one
//! answers yes or no without a reason; so this is our own, tested against a validator in `tests/sound.rs`.

mod limits;
mod objects;

use std::fmt;

use serde_json::{Map, Value, json};

use crate::{
    Compatibility,
    expand::{accepts_all, expand, types},
};

/// One difference between two versions of a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where in the data, as a JSON pointer; `*` stands for every element.
    pub pointer: String,
    /// What is different.
    pub what: String,
    /// Whom it hurts.
    pub compatibility: Compatibility,
    /// The value that the schema gives a new field in data that has none.
    pub default: Option<Value>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() { "/" } else { &self.pointer };
        write!(f, "{pointer}: {}: {}", self.what, self.compatibility.consequence())
    }
}

/// All differences between the data that two schemas describe; none when they differ in wording only.
pub fn compare(old: &Value, new: &Value) -> Vec<Change> {
    let (old, new) = (expand(old), expand(new));
    let mut changes = Changes(Vec::new());
    changes.node("", &old, &new);
    if changes.0.is_empty() && canonical(&old) != canonical(&new) {
        changes.add("", "something changed that is not understood", Compatibility::Incompatible);
    }
    changes.0
}

/// The compatibility of all changes together.
pub fn compatibility(changes: &[Change]) -> Compatibility {
    changes.iter().fold(Compatibility::Full, |all, change| all.and(change.compatibility))
}

/// The value with its keys in order, as text.
pub(crate) fn canonical(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

/// The keywords that are compared by meaning; all others are compared by text.
const UNDERSTOOD: [&str; 9] =
    ["type", "enum", "format", "properties", "required", "additionalProperties", "items", "default", "uniqueItems"];
/// Several schemas, of which data fits one.
const CHOICES: [&str; 2] = ["anyOf", "oneOf"];

struct Changes(Vec<Change>);

impl Changes {
    fn add(&mut self, pointer: &str, what: impl Into<String>, compatibility: Compatibility) {
        self.0.push(Change { pointer: pointer.to_owned(), what: what.into(), compatibility, default: None });
    }

    /// Compares what two schemas say about the data at a place.
    fn node(&mut self, at: &str, old: &Value, new: &Value) {
        let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
            if old != new {
                self.add(at, "the schema is not one any more, or was none", Compatibility::Incompatible);
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

    /// Whether there is a type that both allow, so that the rest is worth a look.
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
                self.add(at, format!("not limited to the values {} any more", json!(old)), Compatibility::Backward);
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

    /// Alternatives that are in both count as unchanged; one that is left on each side is compared as the same one.
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

    /// A demand whose meaning is not known here: more or fewer of them are understood, another one is not.
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

/// Whether `all` allows every type of `these`; an integer is a number.
fn covers(all: Option<&[Value]>, these: Option<&[Value]>) -> bool {
    let Some(all) = all else { return true };
    let allowed = |name: &Value| all.contains(name) || (name == "integer" && all.contains(&json!("number")));
    these.is_some_and(|these| these.iter().all(allowed))
}

fn names(types: Option<&[Value]>) -> String {
    let name = |name: &Value| name.as_str().unwrap_or("?").to_owned();
    types.map_or_else(|| "any".to_owned(), |types| types.iter().map(name).collect::<Vec<_>>().join(" or "))
}

/// Takes the pairs out that say by a constant field that they are the same variant of a Rust enum.
fn same_tags(gone: &mut Vec<Value>, come: &mut Vec<Value>) -> Vec<(Value, Value)> {
    let mut pairs = Vec::new();
    gone.retain(|old| {
        let same = come.iter().position(|new| tag(old).is_some() && tag(old) == tag(new));
        same.map(|place| pairs.push((old.clone(), come.remove(place)))).is_none()
    });
    pairs
}

/// The fields of a schema that can have one value only.
fn tag(schema: &Value) -> Option<Vec<(&String, &Value)>> {
    let properties = schema.get("properties")?.as_object()?;
    let one = |schema: &Value| schema.get("enum").and_then(Value::as_array).is_some_and(|values| values.len() == 1);
    let tags: Vec<_> =
        properties.iter().filter(|(_, schema)| one(schema)).map(|(name, schema)| (name, &schema["enum"][0])).collect();
    if tags.is_empty() { None } else { Some(tags) }
}

/// Whether a schema takes nothing at all.
fn accepts_none(schema: &Value) -> bool {
    schema.get("not").is_some_and(accepts_all)
}
