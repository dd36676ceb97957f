//! Older versions, and the step from each to the next. Consumers only ever see the newest.
//!
//! To change an event: change its struct, and run `cargo saga contracts new`. It gives the event a new dated version in its
//! `contract!`, writes the new schema and golden file, and adds the step from the previous version here.

use serde_json::{Map, Value, json};

/// One version of an event type becomes the next.
struct Step {
    event: &'static str,
    from: &'static str,
    to: &'static str,
    /// Changes the data in place; an error says what was missing or of the wrong type.
    apply: fn(&mut Map<String, Value>) -> Result<(), &'static str>,
}

const STEPS: &[Step] = &[
    Step { event: "OrderPlaced", from: "2026-10", to: "2026-11", apply: order_placed_2026_10_to_2026_11 },
    // `cargo saga contracts new` adds the next step above this line.
];

/// Why data could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data is not what its version says.
    #[error("data does not fit the schema: {0}")]
    Data(#[from] serde_json::Error),
    /// The data lacks what the step to the next version needs.
    #[error("{event} {from} can't be upcast: {what}")]
    Step {
        /// The event type.
        event: &'static str,
        /// The version it came in.
        from: &'static str,
        /// What was missing or of the wrong type.
        what: &'static str,
    },
    /// There never was such a version.
    #[error("{event} has no version {version}")]
    UnknownVersion {
        /// The event type.
        event: String,
        /// The version it claims.
        version: String,
    },
}

/// The data of an older version, step by step made into that of `newest`.
///
/// # Errors
/// There is no way from `version`, or the data does not fit it.
pub fn to_newest(event: &str, version: &str, newest: &str, data: &[u8]) -> Result<Vec<u8>, Error> {
    let mut data: Map<String, Value> = serde_json::from_slice(data)?;
    let mut version = version;
    while version != newest {
        let Some(step) = STEPS.iter().find(|step| step.event == event && step.from == version) else {
            return Err(Error::UnknownVersion { event: event.to_owned(), version: version.to_owned() });
        };
        (step.apply)(&mut data).map_err(|what| Error::Step { event: step.event, from: step.from, what })?;
        version = step.to;
    }
    Ok(serde_json::to_vec(&data)?)
}

/// Before 2026-11 an order had one currency and bare minor units; since then every amount is a `Money`.
fn order_placed_2026_10_to_2026_11(data: &mut Map<String, Value>) -> Result<(), &'static str> {
    let currency = data.remove("currency").ok_or("currency is missing")?;
    let money = |minor: Value| json!({"minor": minor, "currency": currency});

    let total = data.remove("total_minor").ok_or("total_minor is missing")?;
    data.insert("total".to_owned(), money(total));
    for line in data.get_mut("lines").and_then(Value::as_array_mut).ok_or("lines is not an array")? {
        let line = line.as_object_mut().ok_or("a line is not an object")?;
        let price = line.remove("unit_price_minor").ok_or("unit_price_minor is missing in a line")?;
        line.insert("unit_price".to_owned(), money(price));
    }
    Ok(())
}

// `cargo saga contracts new` adds the next function above this line.

/// Puts `value` where data has none, which is what most steps do. `pointer` is a JSON pointer in which `*` stands for every
/// element of an array and every value of a map; what is not there, or is something else, is passed over.
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
    use super::*;

    #[track_caller]
    fn fills(pointer: &str, before: Value, after: &Value) {
        let Value::Object(mut data) = before else { panic!("an object") };
        fill(&mut data, pointer, &json!(7));
        assert_eq!(Value::Object(data), *after, "{pointer}");
    }

    #[test]
    fn only_what_is_missing_is_filled() {
        fills("/a", json!({}), &json!({ "a": 7 }));
        fills("/a", json!({ "a": null }), &json!({ "a": null }));
        fills("/a/b", json!({ "a": { "c": 1 } }), &json!({ "a": { "c": 1, "b": 7 } }));
        fills("/l/*/b", json!({ "l": [{}, { "b": 1 }] }), &json!({ "l": [{ "b": 7 }, { "b": 1 }] }));
        fills("/m/*/b", json!({ "m": { "x": {} } }), &json!({ "m": { "x": { "b": 7 } } }));
        fills("/l/*/*/b", json!({ "l": [[{}]] }), &json!({ "l": [[{ "b": 7 }]] }));
        fills("/a~1b~0c", json!({}), &json!({ "a/b~c": 7 }));
    }

    #[test]
    fn what_is_not_there_or_something_else_is_passed_over() {
        for pointer in ["", "/a/b", "/x/b", "/l/*", "/l/b", "/x/*/b"] {
            let before = json!({ "x": 1, "l": [1] });
            fills(pointer, before.clone(), &before);
        }
    }
}
