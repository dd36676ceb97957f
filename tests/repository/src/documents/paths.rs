//! Paths in documents.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use crate::Repository;

static SHAPE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\.?[\w.*{},<>-]+(/[\w.*{},<>-]+)*/?$").expect("valid pattern"));
static PLACEHOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<[^>]+>|\b(NAME|SERVICE|NNNN|EVENT|VERSION)\b").expect("valid pattern"));
const EXTENSIONS: [&str; 11] = ["rs", "md", "yml", "yaml", "toml", "json", "svg", "png", "py", "mjs", "properties"];

/// All tracked files and their folders.
pub(super) struct KnownPaths<'a> {
    paths: BTreeSet<&'a str>,
    top_level: BTreeSet<&'a str>,
}

impl<'a> KnownPaths<'a> {
    pub(super) fn of(repository: &'a Repository) -> Self {
        let files = repository.paths.iter().map(String::as_str);
        let with_folders = files
            .flat_map(|path| path.match_indices('/').map(|(end, _)| &path[..end]).chain([path]).collect::<Vec<_>>());
        let paths: BTreeSet<_> = with_folders.collect();
        let top_level = paths.iter().copied().filter(|path| !path.contains('/')).collect();
        Self { paths, top_level }
    }

    /// Reports a text that looks like a path of this repository but is not one. `folder` contains the document.
    pub(super) fn problem(&self, folder: &str, text: &str) -> Option<String> {
        let text = text.trim_end_matches([',', ';', ':']);
        if !SHAPE.is_match(text) {
            return None;
        }
        let path = text.trim_start_matches("./").trim_end_matches('/');
        let (first, is_nested) = path.split_once('/').map_or((path, false), |(first, _)| (first, true));
        let is_rooted = is_nested && self.top_level.contains(first);
        let is_file = path
            .rsplit_once('.')
            .is_some_and(|(name, extension)| !name.is_empty() && EXTENSIONS.contains(&extension) && first != "target");
        if !is_rooted && !is_file {
            return None;
        }
        let exists = self.exists(path, is_rooted) || self.exists(&format!("{folder}/{path}"), true);
        (!exists).then(|| format!("path `{text}` does not exist"))
    }

    /// A path from the root must exist; another may be the end of any path.
    fn exists(&self, path: &str, is_rooted: bool) -> bool {
        let path = PLACEHOLDER.replace_all(path, "*");
        let pattern =
            regex::escape(&path).replace(r"\*", "[^/]*").replace(r"\{", "(").replace(r"\}", ")").replace(',', "|");
        let start = if is_rooted { "^" } else { "(^|/)" };
        let pattern = Regex::new(&format!("{start}{pattern}$")).expect("valid pattern");
        self.paths.iter().any(|known| pattern.is_match(known))
    }
}
