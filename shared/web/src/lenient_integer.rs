//! Integers as JSON defines them: `5.0` is the same number as `5`, and some clients write it.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserializer,
    de::{Error, Unexpected, Visitor},
};

/// Largest integer up to which every integer has an exact `f64`: 2^53.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Deserializes an integer, for `#[serde(deserialize_with = "web::lenient_integer")]`.
///
/// # Errors
/// The value is not a number, not an integer, or out of range.
pub fn lenient_integer<'de, T: TryFrom<i128>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(IntegerVisitor(PhantomData))
}

struct IntegerVisitor<T>(PhantomData<T>);

impl<T: TryFrom<i128>> Visitor<'_> for IntegerVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer within the allowed range")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        T::try_from(number.into()).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::try_from(number.into()).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the number is integral and small")]
    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        let exact = (number.fract() == 0.0 && number.abs() <= EXACT_MAX).then_some(number as i128);
        let fits = exact.and_then(|number| T::try_from(number).ok());
        fits.ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Small(#[serde(deserialize_with = "lenient_integer")] u32);

    fn read(json: &str) -> Option<u32> {
        serde_json::from_str::<Small>(json).ok().map(|Small(number)| number)
    }

    #[test]
    fn integers_may_have_a_zero_fraction() {
        assert_eq!([read("7"), read("7.0"), read("7e2"), read("-0.0")], [Some(7), Some(7), Some(700), Some(0)]);
    }

    #[test]
    fn other_values_are_rejected() {
        for json in ["7.5", "-1", "-1.0", "4294967296", "4294967296.0", "1e300", "\"7\"", "null"] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
