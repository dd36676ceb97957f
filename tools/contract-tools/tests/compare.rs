//! Compatibility and wording of each kind of change.

use contract_tools::{
    Compatibility::{self, Backward, Forward, Full, Incompatible},
    compare,
};
use serde_json::{Value, json};

/// Checks the changes, and that the reverse comparison has the reverse compatibility.
#[track_caller]
fn differs(old: &Value, new: &Value, expected: &[(&str, Compatibility)]) {
    let seen = |old, new| {
        compare(old, new)
            .into_iter()
            .map(|change| (change.pointer, change.what, change.compatibility))
            .collect::<Vec<_>>()
    };
    let changes: Vec<_> = seen(old, new).into_iter().map(|(at, what, whom)| (format!("{at}: {what}"), whom)).collect();
    let expected: Vec<_> = expected.iter().map(|(text, whom)| ((*text).to_owned(), *whom)).collect();
    assert_eq!(changes, expected, "{old} to {new}");

    let together =
        |changes: Vec<(String, String, Compatibility)>| changes.iter().fold(Full, |all, change| all.and(change.2));
    let (there, back) = (together(seen(old, new)), together(seen(new, old)));
    assert_eq!(back, Compatibility::new(there.is_forward(), there.is_backward()), "reverse, from {new} to {old}");
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

#[test]
fn compare_reports_fields() {
    let text = json!({ "type": "string" });
    let (a, ab) = (json!({ "a": text }), json!({ "a": text, "b": { "type": "boolean" } }));
    differs(&object(&a, &["a"]), &object(&ab, &["a"]), &[("/b: optional field added", Full)]);
    differs(&object(&a, &["a"]), &object(&ab, &["a", "b"]), &[("/b: required field added", Forward)]);
    differs(&object(&ab, &["a"]), &object(&a, &["a"]), &[("/b: optional field removed", Full)]);
    differs(&object(&ab, &["a", "b"]), &object(&a, &["a"]), &[("/b: required field removed", Backward)]);
    differs(&object(&ab, &["a", "b"]), &object(&ab, &["a"]), &[("/b: no longer required", Backward)]);
    differs(&object(&ab, &["a"]), &object(&ab, &["a", "b"]), &[("/b: now required", Forward)]);
}

#[test]
fn compare_reports_renamed_fields_as_incompatible() {
    let named = |name: &str| json!({ name: { "type": "string" } });
    let what = "/a: renamed to b, or removed while a similar field was added";
    differs(&object(&named("a"), &["a"]), &object(&named("b"), &["b"]), &[(what, Incompatible)]);
    differs(&object(&named("a"), &[]), &object(&named("b"), &[]), &[(what, Incompatible)]);
}

#[test]
fn compare_reports_defaults() {
    let with = |default: &Value| object(&json!({ "a": { "type": "integer", "default": default } }), &[]);
    differs(&object(&json!({}), &[]), &with(&json!(1)), &[("/a: optional field added with default 1", Full)]);
    differs(&with(&json!(1)), &with(&json!(2)), &[("/a: default changed from 1 to 2", Full)]);
}

#[test]
fn compare_reports_types() {
    let of = |types: Value| json!({ "type": types });
    let text = of(json!("string"));
    differs(&text, &of(json!("integer")), &[(": type changed from string to integer", Incompatible)]);
    differs(&of(json!("integer")), &of(json!("number")), &[(": type changed from integer to number", Backward)]);
    differs(&text, &of(json!(["string", "null"])), &[(": type changed from string to null or string", Backward)]);
    differs(&json!({}), &text, &[(": type changed from any to string", Forward)]);
}

#[test]
fn compare_reports_values() {
    let of = |values: &[&str]| json!({ "enum": values });
    differs(&of(&["a"]), &of(&["a", "b"]), &[(": value \"b\" added", Backward)]);
    differs(&of(&["a", "b"]), &of(&["a"]), &[(": value \"b\" removed", Forward)]);
    differs(&json!({ "type": "string" }), &of(&["a"]), &[(": limited to the values [\"a\"]", Forward)]);
    let documented = json!({ "oneOf": [{ "const": "a", "description": "A." }, { "const": "b", "description": "B." }] });
    differs(&of(&["b", "a"]), &documented, &[]);
}

#[test]
fn compare_reports_limits() {
    let of = |keyword: &str, value: i64| json!({ keyword: value });
    differs(&of("minimum", 1), &of("minimum", 2), &[(": minimum raised from 1 to 2", Forward)]);
    differs(&of("maxLength", 9), &of("maxLength", 5), &[(": maxLength lowered from 9 to 5", Forward)]);
    differs(&of("maximum", 5), &of("maximum", 9), &[(": maximum raised from 5 to 9", Backward)]);
    differs(&json!({}), &of("minItems", 1), &[(": minItems 1 added", Forward)]);
    differs(
        &of("minimum", i64::MAX - 1),
        &of("minimum", i64::MAX),
        &[(": minimum raised from 9223372036854775806 to 9223372036854775807", Forward)],
    );
}

#[test]
fn compare_reports_formats_and_patterns() {
    let format = |name: &str| json!({ "format": name });
    differs(&format("uint32"), &format("uint64"), &[(": format changed from uint32 to uint64", Backward)]);
    differs(&format("uint32"), &format("int32"), &[(": format changed from uint32 to int32", Incompatible)]);
    differs(&format("uuid"), &json!({}), &[(": format \"uuid\" removed", Backward)]);
    let pattern = |text: &str| json!({ "pattern": text });
    differs(&pattern("^a$"), &pattern("^[ab]$"), &[(": pattern changed from \"^a$\" to \"^[ab]$\"", Incompatible)]);
}

#[test]
fn compare_reports_nested_pointers() {
    let of = |minimum: u8| {
        json!({
            "properties": {
                "lines": { "type": "array", "items": { "$ref": "#/$defs/Line" } },
                "by/name": { "type": "object", "additionalProperties": { "$ref": "#/$defs/Line" } },
            },
            "$defs": { "Line": { "properties": { "quantity": { "minimum": minimum } } } },
        })
    };
    let what = |at: &str| format!("{at}: minimum raised from 1 to 2");
    differs(&of(1), &of(2), &[(&what("/lines/*/quantity"), Forward), (&what("/by~1name/*/quantity"), Forward)]);
}

#[test]
fn compare_reports_closed_objects() {
    let closed = |properties: Value| json!({ "properties": properties, "additionalProperties": false });
    let more = json!({ "a": { "type": "string" } });
    differs(&closed(json!({})), &closed(more.clone()), &[("/a: optional field added", Backward)]);
    differs(&json!({}), &closed(json!({})), &[(": unknown fields are now rejected", Forward)]);
}

#[test]
fn compare_reports_alternatives() {
    let variant =
        |tag: &str, minimum: u8| json!({ "properties": { "kind": { "const": tag }, "n": { "minimum": minimum } } });
    let of = |variants: &[Value]| json!({ "oneOf": variants });
    let (a, b) = (variant("a", 1), variant("b", 1));
    let text = r#"{"properties":{"kind":{"enum":["b"],"type":"string"},"n":{"minimum":1}}}"#;
    let both = [a, b];
    differs(&of(&both[..1]), &of(&both), &[(&format!(": alternative {text} added"), Backward)]);
    let changed = of(&[variant("b", 2), variant("a", 3)]);
    differs(
        &of(&both),
        &changed,
        &[("/n: minimum raised from 1 to 3", Forward), ("/n: minimum raised from 1 to 2", Forward)],
    );
}

#[test]
fn compare_reports_nullable_references() {
    let money = json!({ "M": { "type": "object", "required": ["minor"] } });
    let old = json!({ "$ref": "#/$defs/M", "$defs": money });
    let new = json!({ "anyOf": [{ "$ref": "#/$defs/M" }, { "type": "null" }], "$defs": money });
    differs(&old, &new, &[(": type changed from object to null or object", Backward)]);
}

#[test]
fn compare_reports_unknown_keywords_as_incompatible() {
    let odd = |value: u8| json!({ "multipleOf": value });
    differs(&odd(2), &odd(3), &[(": multipleOf changed from 2 to 3", Incompatible)]);
    let all = |value: u8| json!({ "allOf": [{ "minimum": value }] });
    differs(&all(2), &all(3), &[(": allOf changed from [{\"minimum\":2}] to [{\"minimum\":3}]", Incompatible)]);
}

#[test]
fn compare_ignores_prose() {
    let old = json!({ "title": "A", "description": "It is.", "properties": { "title": { "description": "x" } } });
    differs(&old, &json!({ "title": "B", "properties": { "title": {} } }), &[]);
}

#[test]
fn change_displays_pointer_difference_and_consequence() {
    let of = |minimum: u8| json!({ "properties": { "quantity": { "minimum": minimum } } });
    let text = compare(&of(1), &of(2))[0].to_string();
    assert_eq!(text, "/quantity: minimum raised from 1 to 2: data of older producers may be rejected");
}

#[test]
fn compare_reports_the_released_change_of_order_placed() {
    let schema = |version: &str| {
        let data = contracts::schemas::committed("OrderPlaced", version).expect(version);
        serde_json::from_slice::<Value>(&data).expect("JSON")
    };
    let changes: Vec<_> = compare(&schema("2026-10"), &schema("2026-11")).iter().map(ToString::to_string).collect();
    assert_eq!(
        changes,
        [
            "/lines/*/unit_price_minor: required field removed: older consumers may reject new data",
            "/lines/*/unit_price: required field added: data of older producers may be rejected",
            "/currency: required field removed: older consumers may reject new data",
            "/total_minor: required field removed: older consumers may reject new data",
            "/total: required field added: data of older producers may be rejected",
        ]
    );
}
