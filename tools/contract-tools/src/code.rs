//! Contracts in the code.

use contracts::Event;
use serde_json::Value;

/// An event type in the code.
#[derive(Debug, Clone, PartialEq)]
pub struct CurrentEvent {
    pub name: String,
    /// Version in its `contract!`.
    pub version: String,
    /// JSON Schema of its Rust type.
    pub schema: Value,
}

/// Deserializes an event's data of a version as the current type and serializes it again.
type Reread = dyn Fn(&str, &str, &Value) -> Result<Value, String>;

/// All contracts in the code.
pub struct CodeContracts {
    pub events: Vec<CurrentEvent>,
    /// Upcasts data of an event version and serializes it as the code does.
    pub reread: Box<Reread>,
}

impl CodeContracts {
    /// Contracts that this program was built with.
    pub fn built_in() -> Self {
        let mut events = Vec::new();
        for (event, schema) in contracts::generated_schemas() {
            let (name, version) = (event.name.to_owned(), event.version.to_owned());
            events.push(CurrentEvent { name, version, schema: schema.to_value() });
        }
        Self { events, reread: Box::new(reread) }
    }

    /// Finds an event type by name.
    pub fn event(&self, name: &str) -> Option<&CurrentEvent> {
        self.events.iter().find(|event| event.name == name)
    }
}

fn reread(event: &str, version: &str, data: &Value) -> Result<Value, String> {
    let read = Event::from_versioned(event, version, data.to_string().as_bytes());
    let read = read.ok_or_else(|| format!("unknown event {event}"))?.map_err(|error| error.to_string())?;
    serde_json::from_str(&read.to_json()).map_err(|error| error.to_string())
}
