//! The [AsyncAPI 3](https://www.asyncapi.com/docs/reference/specification/v3.0.0) document of all topics.

use contracts::{ServiceName, schemas};
use decider::{ReactionInfo, Trigger};
use serde_json::{Map, Value, json};

use crate::choreography::{PARTS, Part};

/// The headers of every record: CloudEvents 1.0, Kafka protocol binding, binary mode.
const HEADERS: [(&str, &str); 10] = [
    ("ce_specversion", "1.0"),
    ("ce_id", "The event's id. An event that comes twice has the same."),
    ("ce_type", "The event's type."),
    ("ce_source", "The service that owns the event."),
    ("ce_subject", "The order, which is the record's key, too."),
    ("ce_time", "When it happened (RFC 3339)."),
    ("ce_dataschema", "Where the JSON Schema of the data is, with the event's version."),
    ("content-type", "application/json"),
    ("traceparent", "The place in the order's trace (W3C Trace Context)."),
    ("baggage", "The correlation id (W3C Baggage)."),
];

/// The document.
pub fn document() -> Value {
    let mut schemas = Map::new();
    let mut messages = Map::new();
    for (event, schema) in schemas::generated() {
        let payload = hoisted(schema.to_value(), &mut schemas);
        let summary = payload["description"].clone();
        schemas.insert(event.name.to_owned(), payload);
        messages.insert(
            event.name.to_owned(),
            json!({
                "name": event.name,
                "title": format!("{} {}", event.name, event.version),
                "summary": summary,
                "contentType": "application/json",
                "headers": {"$ref": "#/components/schemas/CloudEventHeaders"},
                "payload": {"$ref": format!("#/components/schemas/{}", event.name)},
            }),
        );
    }
    schemas.insert("CloudEventHeaders".to_owned(), headers());
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Order saga",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the four services tell each other. Generated from their code.",
            "license": {"name": "MIT"},
        },
        "servers": {"kafka": {"host": "127.0.0.1:9092", "protocol": "kafka", "description": "A laptop's broker."}},
        "defaultContentType": "application/json",
        "channels": PARTS.iter().map(channel).collect::<Map<_, _>>(),
        "operations": PARTS.iter().flat_map(operations).collect::<Map<_, _>>(),
        "components": {"messages": messages, "schemas": schemas},
    })
}

fn headers() -> Value {
    let text = |(name, what): (&str, &str)| (name.to_owned(), json!({"type": "string", "description": what}));
    let required: Vec<_> = HEADERS[..8].iter().map(|(name, _)| *name).collect();
    json!({"type": "object", "properties": HEADERS.map(text).into_iter().collect::<Map<_, _>>(), "required": required})
}

fn channel(part: &Part) -> (String, Value) {
    let message = |name: &str| (name.to_owned(), json!({"$ref": format!("#/components/messages/{name}")}));
    let messages: Map<_, _> = part.publishes.iter().map(|event| message(event.name)).collect();
    let description = format!("The facts of the {} service. The key is the order's id.", part.owner.name());
    let address = part.owner.topic();
    (key(part.owner), json!({"address": address, "description": description, "messages": messages}))
}

/// A channel's name; its address may have dots, which tools don't like in names.
fn key(owner: ServiceName) -> String {
    format!("{}Events", owner.name())
}

fn operations(part: &Part) -> Vec<(String, Value)> {
    let name = part.owner.name();
    let published = part.publishes.iter().map(|event| event.name);
    let publish = json!({
        "action": "send",
        "channel": {"$ref": format!("#/channels/{}", key(part.owner))},
        "summary": format!("The {name} service tells what happened."),
        "messages": published.map(|event| message_of(part.owner, event)).collect::<Vec<_>>(),
    });
    let others = PARTS.iter().filter(|other| other.owner.topic().is_some_and(|topic| part.consumes.contains(&topic)));
    let reads = others.map(|other| (format!("{name}Reads{}", capitalized(other.owner)), reads(part, other.owner)));
    std::iter::once((format!("{name}Publishes"), publish)).chain(reads).collect()
}

fn reads(part: &Part, of: ServiceName) -> Value {
    let mut messages = Vec::new();
    let mut description = String::new();
    for ReactionInfo { trigger: to, summary: words, .. } in &part.reactions {
        let Trigger::Event(event) = to else { continue };
        if contracts::event_type(event).is_some_and(|known| known.owner == of.name()) {
            messages.push(message_of(of, event));
            super::markdown::push(&mut description, format_args!("- {event}: {words}\n"));
        }
    }
    json!({
        "action": "receive",
        "channel": {"$ref": format!("#/channels/{}", key(of))},
        "summary": format!("The {} service reacts to what {} did.", part.owner.name(), of.name()),
        "description": description,
        "messages": messages,
    })
}

fn message_of(owner: ServiceName, event: &str) -> Value {
    json!({"$ref": format!("#/channels/{}/messages/{event}", key(owner))})
}

fn capitalized(owner: ServiceName) -> String {
    let name = owner.name();
    name[..1].to_uppercase() + &name[1..]
}

/// The schema with its definitions moved to the document's, where references lead.
fn hoisted(mut schema: Value, schemas: &mut Map<String, Value>) -> Value {
    point_to_components(&mut schema);
    if let Some(object) = schema.as_object_mut() {
        // The document says which dialect it uses.
        object.remove("$schema");
        if let Some(Value::Object(definitions)) = object.remove("$defs") {
            schemas.extend(definitions);
        }
    }
    schema
}

fn point_to_components(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get_mut("$ref") {
                *reference = reference.replace("#/$defs/", "#/components/schemas/");
            }
            object.values_mut().for_each(point_to_components);
        }
        Value::Array(items) => items.iter_mut().for_each(point_to_components),
        _ => {}
    }
}
