//! Query parameters of lists and of past states.

use serde::{Deserialize, Serialize};
use store::AsOf;
use utoipa::openapi::{
    KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat,
    schema::{Schema, Type},
};
use web::{FieldError, Problem};

/// Maximum streams in a page.
const PAGE_MAX: usize = 200;
/// Streams in a page without a `limit`.
const PAGE_DEFAULT: usize = 50;
/// Maximum digits of a cursor: any number with so many digits fits an `i64`.
const CURSOR_LEN_MAX: usize = 18;
/// Maximum version of a stream. A greater number in a request is invalid.
const VERSION_MAX: u64 = i64::MAX as u64;

/// The page of a list.
#[derive(Debug, Clone, Default, Deserialize, Serialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Returns only entries with this status.
    pub status: Option<String>,
    /// Start of the page: `next` of the previous page.
    #[param(pattern = "^[0-9]{1,18}$")]
    pub cursor: Option<String>,
    /// Maximum number of entries.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<usize>,
}

/// A valid [`PageQuery`].
#[derive(Debug)]
pub struct PageRequest {
    pub(super) status: Option<String>,
    pub(super) before: Option<i64>,
    pub(super) limit: usize,
}

impl PageQuery {
    /// Checks the parameters.
    ///
    /// # Errors
    /// A problem that names all invalid parameters.
    pub fn check(self) -> Result<PageRequest, Problem> {
        let mut errors = Vec::new();
        let before = self.cursor.as_deref().map(position);
        if before == Some(None) {
            errors.push(FieldError::new("cursor", "invalid cursor"));
        }
        let limit = self.limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            errors.push(FieldError::new("limit", format!("must be 1 to {PAGE_MAX}")));
        }
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        Ok(PageRequest { status: self.status, before: before.flatten(), limit })
    }
}

/// The position in a cursor. Accepts digits only, because `parse` also accepts signs, which no page returns.
fn position(cursor: &str) -> Option<i64> {
    let is_valid = cursor.len() <= CURSOR_LEN_MAX && cursor.bytes().all(|byte| byte.is_ascii_digit());
    if is_valid { cursor.parse().ok() } else { None }
}

/// A point in the past.
#[derive(Debug, Clone, Default, Deserialize, Serialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AtQuery {
    /// A version (a number from 1), a time (RFC 3339) or the id of an event. Default: the latest version.
    #[param(schema_with = point)]
    pub at: Option<String>,
}

fn point() -> Schema {
    let int64 = Some(SchemaFormat::KnownFormat(KnownFormat::Int64));
    let version =
        ObjectBuilder::new().schema_type(Type::Integer).format(int64).minimum(Some(1)).maximum(Some(VERSION_MAX));
    let date_time = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
    let time = ObjectBuilder::new().schema_type(Type::String).format(date_time);
    let uuid = Some(SchemaFormat::KnownFormat(KnownFormat::Uuid));
    let event = ObjectBuilder::new().schema_type(Type::String).format(uuid);
    OneOfBuilder::new().item(version).item(time).item(event).examples(["2026-11-23T10:00:00Z"]).into()
}

impl AtQuery {
    /// The point in the past, or the latest version.
    ///
    /// # Errors
    /// `at` is neither a version nor a time nor an id.
    pub fn up_to(&self) -> Result<AsOf, Problem> {
        let Some(at) = &self.at else { return Ok(AsOf::Latest) };
        let version = || at.parse().ok().filter(|version| *version <= VERSION_MAX).map(AsOf::Version);
        let time = || at.parse().map(AsOf::Time).ok();
        let event = || at.parse().map(AsOf::Event).ok();
        let expected = "must be a version, an RFC 3339 time or the id of an event";
        let invalid = || Problem::invalid(vec![FieldError::new("at", expected)]);
        version().or_else(time).or_else(event).ok_or_else(invalid)
    }
}
