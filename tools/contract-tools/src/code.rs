//! The contracts as the code has them.

use contracts::{Event, schemas};
use serde_json::Value;

/// An event type in the code.
#[derive(Debug, Clone, PartialEq)]
pub struct CurrentEvent {
    /// Its name.
    pub name: String,
    /// The version that its `contract!` gives it.
    pub version: String,
    /// The JSON Schema of its Rust type.
    pub schema: Value,
}

/// Reads an event's data in a version as today's type and writes it again.
type Reread = dyn Fn(&str, &str, &Value) -> Result<Value, String>;

/// What the code says about its contracts.
pub struct Code {
    /// Every event type.
    pub events: Vec<CurrentEvent>,
    /// Reads data of an event in a version, by way of its upcasters, and gives it as the code would write it.
    pub reread: Box<Reread>,
}

impl Code {
    /// The code that this program was built with.
    pub fn built_in() -> Self {
        let mut events = Vec::new();
        for (event, schema) in schemas::generated() {
            let (name, version) = (event.name.to_owned(), event.version.to_owned());
            events.push(CurrentEvent { name, version, schema: schema.to_value() });
        }
        Self { events, reread: Box::new(reread) }
    }

    /// An event type by name.
    pub fn event(&self, name: &str) -> Option<&CurrentEvent> {
        self.events.iter().find(|event| event.name == name)
    }
}

fn reread(event: &str, version: &str, data: &Value) -> Result<Value, String> {
    let read = Event::from_versioned(event, version, data.to_string().as_bytes());
    let read = read.ok_or_else(|| format!("there is no event {event}"))?.map_err(|error| error.to_string())?;
    serde_json::from_str(&read.to_json()).map_err(|error| error.to_string())
}
