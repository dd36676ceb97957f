//! Normal form of a schema: references resolved, prose removed, one form for each meaning.

use serde_json::{Map, Value, json};

/// Keywords without effect on data. `default` is not one of them, because a step to the next version fills it in.
const PROSE: [&str; 11] = [
    "title",
    "description",
    "examples",
    "$comment",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$schema",
    "$id",
    "$defs",
    "definitions",
];

/// Resolves references, removes prose, and unifies the ways to list values and to allow `null`. Two schemas that differ
/// only in wording have the same normal form.
///
/// A recursive reference stays as it is.
pub fn expand(schema: &Value) -> Value {
    Expansion { root: schema, open: Vec::new() }.node(schema)
}

struct Expansion<'a> {
    root: &'a Value,
    /// References that are being resolved.
    open: Vec<&'a str>,
}

impl<'a> Expansion<'a> {
    fn node(&mut self, node: &'a Value) -> Value {
        match node {
            Value::Bool(true) => json!({}),
            Value::Bool(false) => json!({ "not": {} }),
            Value::Object(keywords) => Value::Object(self.keywords(keywords)),
            other => other.clone(),
        }
    }

    fn keywords(&mut self, keywords: &'a Map<String, Value>) -> Map<String, Value> {
        let mut expanded = keywords.get("$ref").and_then(Value::as_str).map_or_else(Map::new, |name| self.target(name));
        for (keyword, value) in keywords {
            if keyword != "$ref" && !PROSE.contains(&keyword.as_str()) {
                let value = self.value(keyword, value);
                put(&mut expanded, keyword, value);
            }
        }
        list_values(&mut expanded);
        merge_null(&mut expanded);
        expanded
            .retain(|keyword, value| !(accepts_all(value) && matches!(&**keyword, "items" | "additionalProperties")));
        expanded
    }

    fn target(&mut self, name: &'a str) -> Map<String, Value> {
        let target = name.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let Some(target) = target.filter(|_| !self.open.contains(&name)) else {
            return Map::from_iter([("$ref".to_owned(), json!(name))]);
        };
        self.open.push(name);
        let expanded = self.node(target);
        self.open.pop();
        match expanded {
            Value::Object(keywords) => keywords,
            _ => Map::new(),
        }
    }

    /// Expands the value of a keyword. Its structure depends on the keyword: `properties` may contain a field named
    /// `title`.
    fn value(&mut self, keyword: &str, value: &'a Value) -> Value {
        match (keyword, value) {
            ("properties" | "patternProperties" | "dependentSchemas", Value::Object(named)) => {
                named.iter().map(|(name, schema)| (name.clone(), self.node(schema))).collect()
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
                schemas.iter().map(|schema| self.node(schema)).collect()
            }
            ("required" | "type" | "enum", Value::Array(names)) => sorted(names.clone()),
            ("enum" | "const" | "default" | "required" | "type", _) => value.clone(),
            (_, Value::Object(_) | Value::Bool(_)) if keyword != "uniqueItems" => self.node(value),
            _ => value.clone(),
        }
    }
}

/// Adds a keyword. If a reference has already set it to another value, both must hold.
fn put(keywords: &mut Map<String, Value>, keyword: &str, value: Value) {
    match keywords.get(keyword) {
        Some(there) if *there != value && keyword != "default" => {
            let all = keywords.entry("allOf").or_insert_with(|| json!([]));
            if let Value::Array(all) = all {
                all.push(json!({ keyword: value }));
            }
        }
        _ => {
            keywords.insert(keyword.to_owned(), value);
        }
    }
}

/// Converts `const`, and a choice between constants, to `enum` with the type of its values.
fn list_values(keywords: &mut Map<String, Value>) {
    if let Some(value) = keywords.remove("const") {
        keywords.insert("enum".to_owned(), json!([value]));
    }
    for choice in ["oneOf", "anyOf"] {
        let branches = keywords.get(choice).and_then(Value::as_array);
        if let Some(values) = branches.and_then(|branches| branches.iter().map(only_values).collect::<Option<Vec<_>>>())
        {
            keywords.remove(choice);
            put(keywords, "enum", sorted(values.concat()));
        }
    }
    if let Some(values) = keywords.get("enum").and_then(Value::as_array)
        && !keywords.contains_key("type")
    {
        let mut types: Vec<_> = values.iter().map(|value| json!(type_of(value))).collect();
        types.sort_by_key(ToString::to_string);
        types.dedup();
        keywords.insert("type".to_owned(), one_or_many(types));
    }
}

/// Values of a schema that only lists values.
fn only_values(schema: &Value) -> Option<Vec<Value>> {
    let keywords = schema.as_object()?;
    let only = keywords.keys().all(|keyword| matches!(&**keyword, "enum" | "type"));
    if only { keywords.get("enum")?.as_array().cloned() } else { None }
}

/// Converts a choice between a schema and `null` to the schema with one more type.
fn merge_null(keywords: &mut Map<String, Value>) {
    for choice in ["anyOf", "oneOf"] {
        let Some([first, second]) = keywords.get(choice).and_then(Value::as_array).map(Vec::as_slice) else { continue };
        let null = json!({ "type": "null" });
        let other = if *first == null { second } else { first };
        let has_null = *first == null || *second == null;
        let Some(nullable) = other.as_object().filter(|_| has_null).and_then(with_null) else { continue };
        keywords.remove(choice);
        for (keyword, value) in nullable {
            put(keywords, &keyword, value);
        }
    }
}

fn with_null(keywords: &Map<String, Value>) -> Option<Map<String, Value>> {
    // These keywords apply to data of any type, so they would apply to `null` too.
    if ["anyOf", "oneOf", "allOf", "not", "if", "$ref"].iter().any(|keyword| keywords.contains_key(*keyword)) {
        return None;
    }
    let mut types = types(keywords.get("type")?);
    types.push(json!("null"));
    let mut keywords = keywords.clone();
    keywords.insert("type".to_owned(), sorted(types));
    if let Some(Value::Array(values)) = keywords.get_mut("enum") {
        values.push(Value::Null);
    }
    Some(keywords)
}

/// Names in a `type`.
pub(crate) fn types(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

fn one_or_many(mut types: Vec<Value>) -> Value {
    if types.len() == 1 { types.remove(0) } else { types.into() }
}

fn sorted(mut names: Vec<Value>) -> Value {
    names.sort_by_key(ToString::to_string);
    names.dedup();
    names.into()
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Returns whether a schema accepts every value.
pub(crate) fn accepts_all(schema: &Value) -> bool {
    schema.as_object().is_some_and(Map::is_empty)
}

/// Returns whether a schema accepts no value.
pub(crate) fn accepts_none(schema: &Value) -> bool {
    schema.get("not").is_some_and(accepts_all)
}

/// Text of a value with sorted keys.
pub(crate) fn canonical(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expands(schema: &Value, expected: &Value) {
        assert_eq!(expand(schema), *expected);
    }

    #[test]
    fn expand_resolves_references_and_removes_prose() {
        let schema = json!({
            "title": "T", "properties": { "title": { "$ref": "#/$defs/Text", "description": "its title" } },
            "$defs": { "Text": { "type": "string", "description": "text" } },
        });
        expands(&schema, &json!({ "properties": { "title": { "type": "string" } } }));
    }

    #[test]
    fn expand_combines_keywords_beside_a_reference() {
        let defs = json!({ "N": { "type": "integer", "minimum": 1 } });
        let beside = |minimum: u8| json!({ "$ref": "#/$defs/N", "minimum": minimum, "$defs": defs });
        expands(&beside(1), &json!({ "type": "integer", "minimum": 1 }));
        expands(&beside(5), &json!({ "type": "integer", "minimum": 1, "allOf": [{ "minimum": 5 }] }));
    }

    #[test]
    fn expand_keeps_recursive_references() {
        let schema = json!({ "$ref": "#/$defs/Tree", "$defs": {
            "Tree": { "properties": { "left": { "$ref": "#/$defs/Tree" } } },
        }});
        expands(&schema, &json!({ "properties": { "left": { "$ref": "#/$defs/Tree" } } }));
    }

    #[test]
    fn expand_lists_documented_variants() {
        let documented = json!({ "oneOf": [
            { "type": "string", "const": "a", "description": "the first" }, { "type": "string", "enum": ["b", "c"] },
        ]});
        expands(&documented, &json!({ "type": "string", "enum": ["a", "b", "c"] }));
    }

    #[test]
    fn expand_merges_null_into_the_type() {
        let defs = json!({ "O": { "type": "object", "required": ["b", "a"] } });
        let schema = json!({ "anyOf": [{ "$ref": "#/$defs/O" }, { "type": "null" }], "$defs": defs });
        expands(&schema, &json!({ "type": ["null", "object"], "required": ["a", "b"] }));
    }
}
