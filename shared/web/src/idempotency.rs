//! The header `Idempotency-Key`: a client that received no response repeats its request, which takes effect once.
//!
//! Follows the draft <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::Problem;

/// Maximum length of a key in bytes.
const KEY_LEN_MAX: usize = 200;
/// Namespace of all ids derived from keys.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_3c1e_51a4_4b0f_9d5c_0c8f_6f4b_7a21);

/// The OpenAPI description of [`IdempotencyKey`].
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
pub struct IdempotencyParam {
    /// Requests with the same key take effect once: 1 to 200 printable ASCII characters without blanks at either end.
    #[param(rename = "Idempotency-Key", nullable = false, max_length = 200, pattern = "^[!-~]([ -~]*[!-~])?$")]
    key: Option<String>,
}

/// The request's `Idempotency-Key`, if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(Option<String>);

impl IdempotencyKey {
    /// Derives an id from the key and a scope such as `POST /products`. Equal inputs give equal ids; `None` without a key.
    pub fn id(&self, scope: &str) -> Option<Uuid> {
        let key = self.0.as_ref()?;
        Some(Uuid::new_v5(&NAMESPACE, format!("{scope}\n{key}").as_bytes()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let printable = |byte| matches!(byte, b' '..=b'~');
        let valid = |key: &&str| (1..=KEY_LEN_MAX).contains(&key.len()) && key.bytes().all(printable);
        let key = value.to_str().ok().filter(valid).ok_or_else(|| {
            let detail =
                format!("invalid header Idempotency-Key: expected 1 to {KEY_LEN_MAX} printable ASCII characters");
            Problem::new(StatusCode::BAD_REQUEST, detail)
        })?;
        Ok(Self(Some(key.to_owned())))
    }
}
