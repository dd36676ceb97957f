//! The JSON Schema of every version of every event, as committed in `schemas/<Event>/<version>.json`.

use rust_embed::Embed;

#[derive(Embed)]
#[folder = "schemas"]
struct Committed;

/// The committed schema of an event type's version, newest or older.
pub fn committed(event: &str, version: &str) -> Option<Vec<u8>> {
    Committed::get(&format!("{event}/{version}.json")).map(|file| file.data.into_owned())
}

/// Every committed schema as `(event, version)`, sorted.
pub fn all_committed() -> Vec<(String, String)> {
    let mut all: Vec<_> = Committed::iter()
        .filter_map(|path| {
            let (event, version) = path.strip_suffix(".json")?.split_once('/')?;
            Some((event.to_owned(), version.to_owned()))
        })
        .collect();
    all.sort();
    all
}
