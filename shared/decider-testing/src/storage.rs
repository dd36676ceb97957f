//! Checks of the stored form of internal events and of calls.

use std::fmt::Debug;

use decider::{LogEvent, Service};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Version under which internal events are stored.
const INTERNAL: &str = "private";

/// Decodes an internal event from its stored form: its name and its data.
///
/// # Panics
/// The service has no such event, or the data does not fit it.
#[track_caller]
pub fn stored<S: Service>(name: &str, data: &Value) -> S::Event {
    LogEvent::decode(name, INTERNAL, &json!({ name: data }).to_string()).expect("a stored event reads")
}

/// Asserts that an internal event is stored under this name with this data, and reads back unchanged.
#[track_caller]
pub fn assert_stored_as<S: Service>(event: &S::Event, name: &str, data: &Value)
where
    S::Public: PartialEq,
    S::Internal: PartialEq,
{
    let (stored_name, version, stored_data) = event.encode();
    assert_eq!((stored_name, version), (name, INTERNAL));
    assert_eq!(serde_json::from_str::<Value>(&stored_data).expect("JSON"), json!({ name: data }));
    assert_eq!(&stored::<S>(name, data), event);
}

/// Asserts that a value reads back unchanged from its JSON.
#[track_caller]
pub fn assert_reads_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let json = serde_json::to_string(value).expect("it is JSON");
    assert_eq!(&serde_json::from_str::<T>(&json).expect("it reads"), value);
}
