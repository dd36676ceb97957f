//! Comparison of objects: fields, required fields, additional fields.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::change::{Change, Changes};
use crate::{
    compatibility::Compatibility,
    expand::{accepts_none, canonical},
};

/// The parts of one version's schema that concern an object.
struct ObjectSchema<'a> {
    properties: Option<&'a Map<String, Value>>,
    required: BTreeSet<&'a str>,
    additional: Option<&'a Value>,
}

impl<'a> ObjectSchema<'a> {
    fn of(keywords: &'a Map<String, Value>) -> Self {
        let required = keywords.get("required").and_then(Value::as_array);
        Self {
            properties: keywords.get("properties").and_then(Value::as_object),
            required: required.into_iter().flatten().filter_map(Value::as_str).collect(),
            additional: keywords.get("additionalProperties"),
        }
    }

    /// Names of all fields, including required ones without a schema.
    fn names(&self) -> Vec<&'a str> {
        let described = self.properties.into_iter().flat_map(Map::keys).map(String::as_str);
        let mut names: Vec<_> = described.collect();
        let more: Vec<_> = self.required.iter().copied().filter(|name| !names.contains(name)).collect();
        names.extend(more);
        names
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.properties?.get(name)
    }

    /// Returns whether unknown fields are rejected.
    fn is_closed(&self) -> bool {
        self.additional.is_some_and(accepts_none)
    }

    /// Schema of additional fields, as in a map.
    fn additional_schema(&self) -> Option<&'a Value> {
        self.additional.filter(|schema| !accepts_none(schema))
    }
}

impl Changes {
    pub(super) fn object(&mut self, at: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let (old, new) = (ObjectSchema::of(old), ObjectSchema::of(new));
        let any = json!({});
        for name in old.names() {
            let pointer = format!("{at}/{}", escaped(name));
            if new.names().contains(&name) {
                self.field(&pointer, name, &old, &new);
            } else if let Some(to) = renamed(name, &old, &new) {
                let what = format!("renamed to {to}, or removed while a similar field was added");
                self.add(&pointer, what, Compatibility::Incompatible);
            } else {
                self.removed(&pointer, name, &old, &new);
            }
        }
        let before = old.names();
        let is_new = |name: &&str| !before.contains(name) && renamed(name, &new, &old).is_none();
        for name in new.names().into_iter().filter(is_new) {
            let schema = new.get(name).unwrap_or(&any);
            self.added(&format!("{at}/{}", escaped(name)), name, schema, &old, &new);
        }
        self.additional(at, &old, &new);
    }

    fn field(&mut self, at: &str, name: &str, old: &ObjectSchema<'_>, new: &ObjectSchema<'_>) {
        let any = json!({});
        match (old.required.contains(name), new.required.contains(name)) {
            (true, false) => self.add(at, "no longer required", Compatibility::Backward),
            (false, true) => self.add(at, "now required", Compatibility::Forward),
            _ => {}
        }
        let (old, new) = (old.get(name).unwrap_or(&any), new.get(name).unwrap_or(&any));
        if old.get("default") != new.get("default") {
            let text = |schema: &Value| schema.get("default").map_or_else(|| "none".to_owned(), Value::to_string);
            self.add(at, format!("default changed from {} to {}", text(old), text(new)), Compatibility::Full);
        }
        self.node(at, old, new);
    }

    fn removed(&mut self, at: &str, name: &str, old: &ObjectSchema<'_>, new: &ObjectSchema<'_>) {
        let (what, forward) = if old.required.contains(name) {
            ("required field removed", false)
        } else {
            ("optional field removed", true)
        };
        self.add(at, what, Compatibility::new(!new.is_closed(), forward));
        if let (Some(was), Some(any_name)) = (old.get(name), new.additional_schema()) {
            self.node(at, was, any_name);
        }
    }

    fn added(&mut self, at: &str, name: &str, schema: &Value, old: &ObjectSchema<'_>, new: &ObjectSchema<'_>) {
        let required = new.required.contains(name);
        let default = schema.get("default").cloned();
        let kind = if required { "required" } else { "optional" };
        let with = default.as_ref().map_or_else(String::new, |default| format!(" with default {default}"));
        self.0.push(Change {
            pointer: at.to_owned(),
            what: format!("{kind} field added{with}"),
            compatibility: Compatibility::new(!required, !old.is_closed()),
            default,
        });
        if let Some(any_name) = old.additional_schema() {
            self.node(at, any_name, schema);
        }
    }

    fn additional(&mut self, at: &str, old: &ObjectSchema<'_>, new: &ObjectSchema<'_>) {
        match (old.is_closed(), new.is_closed()) {
            (true, true) => return,
            (false, true) => return self.add(at, "unknown fields are now rejected", Compatibility::Forward),
            (true, false) => return self.add(at, "unknown fields are now accepted", Compatibility::Backward),
            (false, false) => {}
        }
        let any = json!({});
        let (old, new) = (old.additional_schema(), new.additional_schema());
        if old.is_some() || new.is_some() {
            self.node(&format!("{at}/*"), old.unwrap_or(&any), new.unwrap_or(&any));
        }
    }
}

/// New name of a field: the only field of `to` that is missing in `from` and resembles this field of `from`, which is
/// missing in `to`. Even if neither is required and both versions read each other's data, the value would silently be
/// lost.
fn renamed<'a>(name: &str, from: &ObjectSchema<'a>, to: &ObjectSchema<'a>) -> Option<&'a str> {
    let like = |object: &ObjectSchema<'_>, other: &str| {
        let same_schema = match (from.get(name), object.get(other)) {
            (Some(one), Some(two)) => canonical(one) == canonical(two),
            _ => false,
        };
        same_schema && from.required.contains(name) == object.required.contains(other)
    };
    let only_in = |object: &ObjectSchema<'a>, other: &ObjectSchema<'a>| -> Vec<&'a str> {
        let known = other.names();
        object.names().into_iter().filter(|candidate| !known.contains(candidate) && like(object, candidate)).collect()
    };
    match (&*only_in(from, to), &*only_in(to, from)) {
        ([_], [only]) => Some(only),
        _ => None,
    }
}

/// Escapes a name for a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
