//! Older versions, and the step from each to the next. Consumers only ever see the newest.
//!
//! To change an event in a way that old data does not fit: give it a new dated version in its `contract!`, commit the
//! new schema and golden file, and add the step from the previous version here.

use serde_json::{Map, Value, json};

/// One version of an event type becomes the next.
struct Step {
    event: &'static str,
    from: &'static str,
    to: &'static str,
    /// Changes the data in place; an error says what was missing or of the wrong type.
    apply: fn(&mut Map<String, Value>) -> Result<(), &'static str>,
}

const STEPS: &[Step] =
    &[Step { event: "OrderPlaced", from: "2026-10", to: "2026-11", apply: order_placed_2026_10_to_2026_11 }];

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
