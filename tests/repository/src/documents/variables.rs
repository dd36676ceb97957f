//! Environment variables in documents.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use crate::Repository;

static VARIABLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b").expect("valid pattern"));
/// Prefixes of variables that libraries define: librdkafka's properties and OpenTelemetry's settings.
const OPEN_PREFIXES: [&str; 2] = ["KAFKA_", "OTEL_"];
/// Variables that a dependency reads: `rustls-native-certs`.
const OF_DEPENDENCIES: [&str; 1] = ["SSL_CERT_FILE"];

/// Names in capitals that sources use.
pub(super) fn known(repository: &Repository) -> BTreeSet<&str> {
    let sources = repository.files.iter().filter(|file| file.extension() != "md");
    sources.flat_map(|file| VARIABLE.find_iter(&file.text).map(|found| found.as_str())).collect()
}

/// Names in capitals in a piece of code that no source uses.
pub(super) fn unknown<'a>(known: &'a BTreeSet<&str>, code: &'a str) -> impl Iterator<Item = String> + 'a {
    let names = VARIABLE.find_iter(code).map(|found| found.as_str());
    let unknown = names.filter(|name| {
        let is_open = OPEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        !known.contains(name) && !is_open && !OF_DEPENDENCIES.contains(name)
    });
    unknown.map(|name| format!("variable `{name}` appears in no source"))
}
