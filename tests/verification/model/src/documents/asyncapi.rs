//! The [AsyncAPI 3](https://www.asyncapi.com/docs/reference/specification/v3.0.0) document of all topics.

use catalog::ServiceName;
use decider::{ReactionInfo, Trigger};
use serde_json::{Map, Value, json};

use super::markdown::push;
use crate::choreography::{SERVICES, ServiceDeclaration};

/// Headers of every record: CloudEvents 1.0, Kafka protocol binding, binary mode.
const HEADERS: [(&str, &str); 12] = [
    ("ce_specversion", "1.0"),
    ("ce_id", "Id of the event. Redelivered copies have the same id."),
    ("ce_type", "Type of the event."),
    ("ce_source", "Service that owns the event."),
    ("ce_subject", "Id of the order; equal to the record key."),
    ("ce_time", "Time of the event (RFC 3339)."),
    ("ce_dataschema", "URL of the JSON Schema of the data, which contains the version of the event."),
    ("content-type", "application/json"),
    (
        "ce_subjectsequence",
        "Number among the events that the owner published about the order, from 1, with ten digits. Absent in old records.",
    ),
    ("ce_replay", "Wave in which the event was published again on purpose; absent in its first record."),
    ("traceparent", "Position in the trace of the order (W3C Trace Context)."),
    ("baggage", "Correlation id (W3C Baggage)."),
];

/// Generates the document.
pub fn document() -> Value {
    let mut schemas = Map::new();
    let mut messages = Map::new();
    for (event, schema) in contracts::generated_schemas() {
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
            "description": "Events that the services exchange. Generated from their code.",
            "license": {"name": "MIT"},
        },
        "servers": {"kafka": {"host": "127.0.0.1:9092", "protocol": "kafka", "description": "Local broker."}},
        "defaultContentType": "application/json",
        "channels": SERVICES.iter().map(channel).collect::<Map<_, _>>(),
        "operations": SERVICES.iter().flat_map(operations).collect::<Map<_, _>>(),
        "components": {"messages": messages, "schemas": schemas},
    })
}

fn headers() -> Value {
    let text =
        |(name, description): (&str, &str)| (name.to_owned(), json!({"type": "string", "description": description}));
    let required: Vec<_> = HEADERS[..8].iter().map(|(name, _)| *name).collect();
    json!({"type": "object", "properties": HEADERS.map(text).into_iter().collect::<Map<_, _>>(), "required": required})
}

fn channel(service: &ServiceDeclaration) -> (String, Value) {
    let message = |name: &str| (name.to_owned(), json!({"$ref": format!("#/components/messages/{name}")}));
    let messages: Map<_, _> = service.publishes.iter().map(|event| message(event.name)).collect();
    let description = format!("Events of the {} service. The record key is the id of the order.", service.owner.name());
    let address = service.owner.topic();
    (key(service.owner), json!({"address": address, "description": description, "messages": messages}))
}

/// Name of a channel. Unlike its address, it contains no dots, because some tools reject them.
fn key(owner: ServiceName) -> String {
    format!("{}Events", owner.name())
}

fn operations(service: &ServiceDeclaration) -> Vec<(String, Value)> {
    let name = service.owner.name();
    let published = service.publishes.iter().map(|event| event.name);
    let publish = json!({
        "action": "send",
        "channel": {"$ref": format!("#/channels/{}", key(service.owner))},
        "summary": format!("The {name} service publishes its events."),
        "messages": published.map(|event| message_of(service.owner, event)).collect::<Vec<_>>(),
    });
    let others =
        SERVICES.iter().filter(|other| other.owner.topic().is_some_and(|topic| service.consumes.contains(&topic)));
    let reads = others.map(|other| (format!("{name}Reads{}", capitalized(other.owner)), reads(service, other.owner)));
    std::iter::once((format!("{name}Publishes"), publish)).chain(reads).collect()
}

fn reads(service: &ServiceDeclaration, of: ServiceName) -> Value {
    let mut messages = Vec::new();
    let mut description = String::new();
    for ReactionInfo { trigger, summary, .. } in &service.reactions {
        let Trigger::Event(event) = trigger else { continue };
        if contracts::event_type(event).is_some_and(|known| known.owner == of.name()) {
            messages.push(message_of(of, event));
            push(&mut description, format_args!("- {event}: {summary}\n"));
        }
    }
    json!({
        "action": "receive",
        "channel": {"$ref": format!("#/channels/{}", key(of))},
        "summary": format!("The {} service reacts to events of the {} service.", service.owner.name(), of.name()),
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

/// Moves the schema's definitions to the document's components and adapts the references.
fn hoisted(mut schema: Value, schemas: &mut Map<String, Value>) -> Value {
    point_to_components(&mut schema);
    if let Some(object) = schema.as_object_mut() {
        // The document declares the dialect.
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
