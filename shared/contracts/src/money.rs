//! Money as an integer of minor units: floats cannot represent cents exactly.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An ISO 4217 currency code: three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[A-Z]{3}$"))]
#[schema(value_type = String, pattern = "^[A-Z]{3}$", example = "EUR")]
pub struct Currency([u8; 3]);

/// The text is not a [`Currency`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a currency: three upper-case letters, such as EUR")]
pub struct InvalidCurrency(String);

impl Currency {
    /// The euro.
    pub const EUR: Self = Self(*b"EUR");

    /// The code as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("checked to be ASCII when made")
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            _ => Err(InvalidCurrency(text.chars().take(10).collect())),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(text: String) -> Result<Self, InvalidCurrency> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount in the minor unit of its currency (cents of a euro).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Money {
    /// Minor units; never negative in an event.
    #[schemars(range(min = 0))]
    #[schema(minimum = 0, example = 1250)]
    pub minor: i64,
    /// ISO 4217 code.
    pub currency: Currency,
}

impl Money {
    /// `minor` cents.
    pub const fn eur(minor: i64) -> Self {
        Self { minor, currency: Currency::EUR }
    }

    /// The amount multiplied by `quantity`; `None` on overflow.
    pub fn times(self, quantity: u32) -> Option<Self> {
        let minor = self.minor.checked_mul(quantity.into())?;
        Some(Self { minor, ..self })
    }

    /// The sum; `None` on overflow, without amounts, or if the currencies differ.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut amounts = amounts.into_iter();
        let first = amounts.next()?;
        amounts.try_fold(first, |sum, next| {
            let minor = sum.minor.checked_add(next.minor)?;
            (sum.currency == next.currency).then_some(Self { minor, ..sum })
        })
    }
}

impl fmt::Display for Money {
    /// Writes minor units (`1250 EUR`), because the number of decimals depends on the currency.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.minor, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_is_none_when_it_overflows_or_currencies_differ() {
        let usd = Money { minor: 1, currency: "USD".parse().expect("a currency") };
        assert_eq!(Money::sum([Money::eur(10), Money::eur(20)]), Some(Money::eur(30)));
        assert_eq!(Money::sum([Money::eur(10), usd]), None);
        assert_eq!(Money::sum([Money::eur(i64::MAX), Money::eur(1)]), None);
        assert_eq!(Money::sum([]), None);
        assert_eq!(Money::eur(i64::MAX).times(2), None);
    }

    #[test]
    fn json_is_minor_units_and_code() {
        let json = serde_json::json!({"minor": 1250, "currency": "EUR"});
        assert_eq!(serde_json::to_value(Money::eur(1250)).expect("serializes"), json);
        assert_eq!(serde_json::from_value::<Money>(json).expect("parses"), Money::eur(1250));
        assert!(serde_json::from_str::<Money>(r#"{"minor": 1.5, "currency": "EUR"}"#).is_err());
        assert!(serde_json::from_str::<Money>(r#"{"minor": 1, "currency": "euro"}"#).is_err());
    }
}
