//! Problem responses that operations share in their OpenAPI documents.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};

use crate::PROBLEM_JSON;

/// Declares a set of problem responses. An API that uses one must list `Problem` among its components.
macro_rules! problem_responses {
    ($($(#[$doc:meta])* $name:ident { $($status:literal: $description:literal,)+ })+) => {$(
        $(#[$doc])*
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$(($status.to_owned(), problem($description))),+].into()
            }
        }
    )+};
}

problem_responses! {
    /// Problems of an operation that looks something up, possibly as of a point in the past.
    LookupProblems {
        "400": "Unknown parameter",
        "404": "Not found",
        "422": "Invalid parameter",
    }
    /// Problems of an operation that lists something.
    ListProblems {
        "400": "Unknown parameter",
        "422": "Invalid parameter",
    }
    /// Problems of an operation without parameters besides its path.
    NotFoundProblem {
        "404": "Not found",
    }
    /// Problems of an operation that reads a JSON body.
    BodyProblems {
        "400": "Invalid JSON or header",
        "413": "Body too large",
        "415": "Not application/json",
        "422": "Invalid value",
    }
    /// Problems of an operation that changes something.
    WriteProblems {
        "429": "Overloaded; see Retry-After",
        "503": "Unavailable; see Retry-After",
    }
}

fn problem(description: &str) -> RefOr<Response> {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description(description).content(PROBLEM_JSON, content).build().into()
}
