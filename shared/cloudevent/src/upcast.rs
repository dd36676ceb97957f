//! Steps from older versions of events to newer ones, so that consumers see only the newest.

use serde_json::{Map, Value};

/// Conversion of one version of an event type to the next.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub event: &'static str,
    pub from: &'static str,
    pub to: &'static str,
    /// Changes the data in place. An error names the part that is missing or has the wrong type.
    pub apply: fn(&mut Map<String, Value>) -> Result<(), &'static str>,
}

/// Failure to read an event's data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data does not fit the schema of its version.
    #[error("data does not fit the schema: {0}")]
    Data(#[from] serde_json::Error),
    /// The data lacks a part that the step to the next version needs.
    #[error("failed to upcast {event} {from}: {problem}")]
    Step { event: &'static str, from: &'static str, problem: &'static str },
    /// No step starts at this version.
    #[error("unknown version {version} of {event}")]
    UnknownVersion { event: String, version: String },
}

/// Converts data of an older version to `newest`, step by step.
///
/// # Errors
/// No steps lead from `version` to `newest`, or the data does not fit its version.
pub fn to_newest(steps: &[Step], event: &str, version: &str, newest: &str, data: &[u8]) -> Result<Vec<u8>, Error> {
    let mut data: Map<String, Value> = serde_json::from_slice(data)?;
    let mut version = version;
    while version != newest {
        let Some(step) = steps.iter().find(|step| step.event == event && step.from == version) else {
            return Err(Error::UnknownVersion { event: event.to_owned(), version: version.to_owned() });
        };
        (step.apply)(&mut data).map_err(|problem| Error::Step { event: step.event, from: step.from, problem })?;
        version = step.to;
    }
    Ok(serde_json::to_vec(&data)?)
}

/// Adds `value` wherever the data has none, which is the purpose of most steps. `pointer` is a JSON pointer in which
/// `*` stands for every element of an array and every value of a map. Missing parents and parents of another type are
/// skipped.
pub fn fill(data: &mut Map<String, Value>, pointer: &str, value: &Value) {
    let name = |escaped: &str| escaped.replace("~1", "/").replace("~0", "~");
    let names: Vec<_> = pointer.split('/').skip(1).map(name).collect();
    let Some((first, rest)) = names.split_first() else { return };
    fill_field(data, first, rest, value);
}

fn fill_field(data: &mut Map<String, Value>, name: &str, rest: &[String], value: &Value) {
    match (rest.split_first(), data.get_mut(name)) {
        (None, None) => drop(data.insert(name.to_owned(), value.clone())),
        (Some((next, rest)), Some(inner)) => fill_inside(inner, next, rest, value),
        _ => {}
    }
}

fn fill_inside(data: &mut Value, name: &str, rest: &[String], value: &Value) {
    match data {
        Value::Object(fields) if name != "*" => fill_field(fields, name, rest, value),
        Value::Object(fields) => fill_each(fields.values_mut(), rest, value),
        Value::Array(elements) if name == "*" => fill_each(elements.iter_mut(), rest, value),
        _ => {}
    }
}

fn fill_each<'a>(elements: impl Iterator<Item = &'a mut Value>, rest: &[String], value: &Value) {
    let Some((next, rest)) = rest.split_first() else { return };
    for element in elements {
        fill_inside(element, next, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn fills(pointer: &str, before: Value, after: &Value) {
        let Value::Object(mut data) = before else { panic!("an object") };
        fill(&mut data, pointer, &json!(7));
        assert_eq!(Value::Object(data), *after, "{pointer}");
    }

    #[test]
    fn fill_adds_only_missing_values() {
        fills("/a", json!({}), &json!({ "a": 7 }));
        fills("/a", json!({ "a": null }), &json!({ "a": null }));
        fills("/a/b", json!({ "a": { "c": 1 } }), &json!({ "a": { "c": 1, "b": 7 } }));
        fills("/l/*/b", json!({ "l": [{}, { "b": 1 }] }), &json!({ "l": [{ "b": 7 }, { "b": 1 }] }));
        fills("/m/*/b", json!({ "m": { "x": {} } }), &json!({ "m": { "x": { "b": 7 } } }));
        fills("/l/*/*/b", json!({ "l": [[{}]] }), &json!({ "l": [[{ "b": 7 }]] }));
        fills("/a~1b~0c", json!({}), &json!({ "a/b~c": 7 }));
    }

    #[test]
    fn fill_skips_missing_or_unfit_parents() {
        for pointer in ["", "/a/b", "/x/b", "/l/*", "/l/b", "/x/*/b"] {
            let before = json!({ "x": 1, "l": [1] });
            fills(pointer, before.clone(), &before);
        }
    }
}
