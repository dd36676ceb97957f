//! Pages of lists, and points in the past, as clients ask for them.

use utoipa::openapi::{
    KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat,
    schema::{Schema, Type},
};

use serde::{Deserialize, Serialize};
use store::AsOf;
use web::{FieldError, Problem};

/// Maximum streams in a page.
const PAGE_MAX: usize = 200;
/// Streams in a page when the client does not say.
const PAGE_DEFAULT: usize = 50;

/// Digits in a cursor at most: as many as fit an `i64`, whatever they are.
const CURSOR_LEN_MAX: usize = 18;

/// No stream has more events; what is asked for beyond is a mistake.
const VERSION_MAX: u64 = i64::MAX as u64;

/// Which page of a list.
#[derive(Debug, Clone, Default, Deserialize, Serialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Only those with this status.
    pub status: Option<String>,
    /// Where the page begins: `next` of the page before.
    #[param(pattern = "^[0-9]{1,18}$")]
    pub cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<usize>,
}

/// A [`PageQuery`] that makes sense.
#[derive(Debug)]
pub struct Checked {
    pub(super) status: Option<String>,
    pub(super) before: Option<i64>,
    pub(super) limit: usize,
}

impl PageQuery {
    /// Checks the parameters.
    ///
    /// # Errors
    /// Names the parameters that are wrong.
    pub fn check(self) -> Result<Checked, Problem> {
        let mut wrong = Vec::new();
        let before = self.cursor.as_deref().map(position);
        if before == Some(None) {
            wrong.push(FieldError::new("cursor", "is not one that a page before gave"));
        }
        let limit = self.limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            wrong.push(FieldError::new("limit", format!("must be 1 to {PAGE_MAX}")));
        }
        if !wrong.is_empty() {
            return Err(Problem::invalid(wrong));
        }
        Ok(Checked { status: self.status, before: before.flatten(), limit })
    }
}

/// Digits alone: what else `parse` would take, a sign, no page ever gave.
fn position(cursor: &str) -> Option<i64> {
    let is_one = cursor.len() <= CURSOR_LEN_MAX && cursor.bytes().all(|byte| byte.is_ascii_digit());
    if is_one { cursor.parse().ok() } else { None }
}

/// A point in the past.
#[derive(Debug, Clone, Default, Deserialize, Serialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AtQuery {
    /// A version (a number from 1) or a time (RFC 3339); the latest when it is left out.
    #[param(schema_with = version_or_time)]
    pub at: Option<String>,
}

fn version_or_time() -> Schema {
    let int64 = Some(SchemaFormat::KnownFormat(KnownFormat::Int64));
    let version =
        ObjectBuilder::new().schema_type(Type::Integer).format(int64).minimum(Some(1)).maximum(Some(VERSION_MAX));
    let date_time = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
    let time = ObjectBuilder::new().schema_type(Type::String).format(date_time);
    OneOfBuilder::new().item(version).item(time).examples(["2026-11-23T10:00:00Z"]).into()
}

impl AtQuery {
    /// The point that is meant.
    ///
    /// # Errors
    /// It is neither a version nor a time.
    pub fn up_to(&self) -> Result<AsOf, Problem> {
        let Some(at) = &self.at else { return Ok(AsOf::Latest) };
        let version = || at.parse().ok().filter(|version| *version <= VERSION_MAX).map(AsOf::Version);
        let time = || at.parse().map(AsOf::Time).ok();
        let wrong = || Problem::invalid(vec![FieldError::new("at", "is neither a version nor an RFC 3339 time")]);
        version().or_else(time).ok_or_else(wrong)
    }
}
