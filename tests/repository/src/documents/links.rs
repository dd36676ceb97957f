//! Relative links and their anchors.

use std::path::{Component, Path, PathBuf};

use crate::Repository;

/// Reports a link to a missing file or heading.
pub(super) fn problem(repository: &Repository, document: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let path = if path.is_empty() { document.to_owned() } else { resolve(document, path) };
    if !repository.root.join(&path).exists() {
        return Some(format!("link to `{target}`: `{path}` does not exist"));
    }
    let anchor = anchor?;
    let text = &repository.file(&path)?.text;
    let is_heading = |line: &str| line.starts_with('#') && slug(line.trim_start_matches('#').trim()) == anchor;
    (!text.lines().any(is_heading)).then(|| format!("link to `{target}`: no heading `{anchor}`"))
}

fn resolve(document: &str, path: &str) -> String {
    let folder = Path::new(document).parent().expect("a file has a folder");
    let mut resolved = PathBuf::new();
    for component in folder.join(path).components() {
        match component {
            Component::ParentDir => drop(resolved.pop()),
            Component::CurDir => {}
            other => resolved.push(other),
        }
    }
    resolved.to_string_lossy().into_owned()
}

/// The anchor that renderers give a heading.
fn slug(heading: &str) -> String {
    let kept = heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>();
    kept.replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slug_drops_punctuation() {
        assert_eq!(slug("Walkthrough: a crash"), "walkthrough-a-crash");
    }

    #[test]
    fn resolve_follows_parent_folders() {
        assert_eq!(resolve("docs/adr/0001-a.md", "../../README.md"), "README.md");
    }
}
