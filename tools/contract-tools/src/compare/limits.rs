//! Comparison of keywords that limit a number, a text or a length.

use serde_json::{Map, Value};

use super::change::Changes;
use crate::compatibility::Compatibility;

/// Lower bounds.
const LOWER: [&str; 5] = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
/// Upper bounds.
const UPPER: [&str; 5] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];

/// Formats that are ranges of integers.
const INTEGERS: [(&str, i128, i128); 8] = [
    ("uint8", 0, u8::MAX as i128),
    ("uint16", 0, u16::MAX as i128),
    ("uint32", 0, u32::MAX as i128),
    ("uint64", 0, u64::MAX as i128),
    ("int8", i8::MIN as i128, i8::MAX as i128),
    ("int16", i16::MIN as i128, i16::MAX as i128),
    ("int32", i32::MIN as i128, i32::MAX as i128),
    ("int64", i64::MIN as i128, i64::MAX as i128),
];

/// Returns whether a keyword is a bound.
pub(super) fn is_limit(keyword: &str) -> bool {
    LOWER.contains(&keyword) || UPPER.contains(&keyword)
}

impl Changes {
    pub(super) fn limits(&mut self, at: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        for (keywords, is_lower) in [(LOWER, true), (UPPER, false)] {
            for keyword in keywords {
                self.bound(at, keyword, is_lower, old.get(keyword), new.get(keyword));
            }
        }
        self.format(at, old.get("format"), new.get("format"));
        let unique = |keywords: &Map<String, Value>| keywords.get("uniqueItems") == Some(&Value::Bool(true));
        match (unique(old), unique(new)) {
            (false, true) => self.add(at, "elements must now be unique", Compatibility::Forward),
            (true, false) => self.add(at, "elements need no longer be unique", Compatibility::Backward),
            _ => {}
        }
    }

    fn bound(&mut self, at: &str, keyword: &str, is_lower: bool, old: Option<&Value>, new: Option<&Value>) {
        let (Some(old), Some(new)) = (old, new) else { return self.by_text(at, keyword, old, new) };
        let (Some(was), Some(is)) = (old.as_f64(), new.as_f64()) else {
            return self.by_text(at, keyword, Some(old), Some(new));
        };
        // Different large integers can be equal as floats.
        let order = integers(old, new).map_or_else(|| is.total_cmp(&was), |(was, is)| is.cmp(&was));
        if order.is_eq() {
            return;
        }
        let raised = order.is_gt();
        let verb = if raised { "raised" } else { "lowered" };
        let compatibility = if raised == is_lower { Compatibility::Forward } else { Compatibility::Backward };
        self.add(at, format!("{keyword} {verb} from {old} to {new}"), compatibility);
    }

    fn format(&mut self, at: &str, old: Option<&Value>, new: Option<&Value>) {
        let (Some(was), Some(is)) = (old.and_then(range), new.and_then(range)) else {
            return self.by_text(at, "format", old, new);
        };
        if was != is {
            let within = |one: (i128, i128), other: (i128, i128)| other.0 <= one.0 && one.1 <= other.1;
            let what = format!("format changed from {} to {}", text(old), text(new));
            self.add(at, what, Compatibility::new(within(was, is), within(is, was)));
        }
    }
}

fn integers(old: &Value, new: &Value) -> Option<(i128, i128)> {
    let integer = |value: &Value| value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    Some((integer(old)?, integer(new)?))
}

fn range(format: &Value) -> Option<(i128, i128)> {
    INTEGERS.iter().find(|(name, ..)| format == name).map(|(_, least, greatest)| (*least, *greatest))
}

fn text(format: Option<&Value>) -> &str {
    format.and_then(Value::as_str).unwrap_or("none")
}
