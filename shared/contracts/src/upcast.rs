//! Steps from each older version of this suite's events to the next. Consumers see only the newest version.
//!
//! To change an event, change its struct and run `cargo saga contracts new`. It gives the event a new dated version in
//! its `contract!`, writes the new schema and golden file, and adds the step from the previous version here.

use cloudevent::upcast::Step;
pub use cloudevent::upcast::{Error, fill, to_newest};
use serde_json::{Map, Value, json};

/// All steps.
pub const STEPS: &[Step] = &[
    Step { event: "OrderPlaced", from: "2026-10", to: "2026-11", apply: order_placed_2026_10_to_2026_11 },
    // `cargo saga contracts new` adds the next step above this line.
];

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
