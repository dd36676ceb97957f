//! Typed identifiers of this suite.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest free text (names, streets, reasons) in an event, in characters.
pub const MAX_TEXT_LEN: usize = 200;

cloudevent::uuid_id! {
    /// Names an order; the key of every record about it and the subject of every event.
    OrderId
}
/// A stock keeping unit: 1 to 32 characters of `A-Z`, `0-9`, `-` and `_`, starting with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[A-Z0-9][A-Z0-9_-]{0,31}$"))]
#[schema(value_type = String, pattern = "^[A-Z0-9][A-Z0-9_-]{0,31}$", example = "MUG")]
pub struct Sku(String);

/// The text is not a [`Sku`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a SKU: 1 to 32 characters of A-Z, 0-9, '-' and '_', starting with a letter or digit")]
pub struct InvalidSku(String);

impl Sku {
    /// The SKU as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sku {
    type Error = InvalidSku;

    fn try_from(text: String) -> Result<Self, InvalidSku> {
        let letter_or_digit = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        let valid = text.len() <= 32
            && text.as_bytes().first().is_some_and(letter_or_digit)
            && text.bytes().all(|byte| letter_or_digit(&byte) || byte == b'-' || byte == b'_');
        if valid { Ok(Self(text)) } else { Err(InvalidSku(text.chars().take(40).collect())) }
    }
}

impl FromStr for Sku {
    type Err = InvalidSku;

    fn from_str(text: &str) -> Result<Self, InvalidSku> {
        text.to_owned().try_into()
    }
}

impl From<Sku> for String {
    fn from(sku: Sku) -> Self {
        sku.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sku_is_checked_when_parsed_and_deserialized() {
        for good in ["MUG", "A", "7-UP_X", &"A".repeat(32)] {
            assert_eq!(good.parse::<Sku>().expect(good).as_str(), good);
        }
        for bad in ["", "mug", "-MUG", "MÜG", "A B", &"A".repeat(33)] {
            assert!(bad.parse::<Sku>().is_err(), "{bad:?} must be refused");
            assert!(serde_json::from_value::<Sku>(bad.into()).is_err(), "{bad:?} must be refused in JSON");
        }
    }
}
