//! HTTP API, as its clients rely on it.

mod errors;
mod lists;
mod placement;
mod point_in_time;
mod standard_routes;

use xtask::Reply;

/// Asserts that a reply is an RFC 9457 problem document with this status; returns its JSON pointers.
#[track_caller]
fn expect_problem(reply: &Reply, status: u16) -> Vec<String> {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{reply:?}");
    assert_eq!(reply.body["status"], status, "{reply:?}");
    for field in ["type", "title", "detail"] {
        assert!(reply.body[field].as_str().is_some_and(|text| !text.is_empty()), "no {field}: {reply:?}");
    }
    let errors = reply.body["errors"].as_array().cloned().unwrap_or_default();
    for error in &errors {
        assert!(error["detail"].as_str().is_some_and(|text| !text.is_empty()), "no detail: {reply:?}");
    }
    errors.iter().map(|error| error["pointer"].as_str().expect("every error has a pointer").to_owned()).collect()
}
