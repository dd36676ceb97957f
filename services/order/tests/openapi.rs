//! The committed OpenAPI document equals the served one.
//!
//! `UPDATE_EXPECT=1 cargo test -p order` writes it; review the difference before you commit it.

use expect_test::expect_file;

#[test]
fn committed_openapi_document_equals_the_generated_one() {
    let generated = order::api::openapi_document().to_pretty_json().expect("serializes");
    expect_file!["../openapi.json"].assert_eq(&(generated + "\n"));
}
