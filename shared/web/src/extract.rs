//! Extractors whose rejections are problems that name the invalid field.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request, rejection::BytesRejection},
    http::{StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;

use crate::{FieldError, Problem};

/// Extracts a JSON body.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !content_type.is_some_and(is_json) {
            let found = content_type.unwrap_or("missing");
            let detail = format!("unsupported content-type {found}, expected application/json");
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejection| unreadable(&rejection))?;
        parse(&body).map(Self)
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json") || essence.to_ascii_lowercase().ends_with("+json")
}

fn unreadable(rejection: &BytesRejection) -> Problem {
    Problem::new(rejection.status(), rejection.body_text())
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let mut pointer = pointer(error.path());
        let inner = error.into_inner();
        // The path ends at the object that lacks the field, so append the field.
        if let Some(field) = missing_field(&inner.to_string()) {
            pointer = format!("{pointer}/{field}");
        }
        if inner.is_data() {
            Problem::invalid(vec![FieldError::new(pointer, inner.to_string())])
        } else {
            Problem::new(StatusCode::BAD_REQUEST, format!("invalid JSON: {inner}"))
        }
    })?;
    let end = json
        .end()
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("invalid data after the JSON value: {error}")));
    end.map(|()| parsed)
}

/// Extracts the field name from serde's message about a missing field.
fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.split('`').next()
}

/// Formats a path as a JSON pointer (RFC 6901). Field names in this suite need no escaping.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let segment = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{key}"),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => String::new(),
    };
    path.iter().map(segment).collect()
}

/// Extracts path parameters.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // A malformed path parameter names nothing, so it is not found.
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value))
            .map_err(|rejection| Problem::not_found(rejection.body_text()))
    }
}

/// Extracts query parameters.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        query
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection| Problem::new(StatusCode::BAD_REQUEST, rejection.body_text()))
    }
}
