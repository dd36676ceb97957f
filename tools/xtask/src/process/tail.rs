//! The last lines of a log, for error messages.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Result, anyhow};

/// Number of lines in an error message.
pub(crate) const LINES: usize = 20;

/// Maximum bytes read from the end of a file.
const WINDOW: u64 = 64 * 1024;

/// The last lines of a file under a heading, or a remark that there are none.
pub(crate) fn of_file(path: &Path) -> String {
    match read_end(path) {
        Ok(text) if !text.trim().is_empty() => {
            format!("last lines of {}:\n{}", path.display(), last_lines(&text))
        }
        Ok(_) => format!("{} is empty", path.display()),
        Err(error) => format!("{} cannot be read: {error}", path.display()),
    }
}

/// The last lines of a text, each indented.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(LINES);
    lines[start..].iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// Appends recent output to an error.
pub(crate) fn explain<T>(result: Result<T>, recent_output: impl FnOnce() -> String) -> Result<T> {
    result.map_err(|error| anyhow!("{error:#}; {}", recent_output()))
}

fn read_end(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(WINDOW)))?;
    let mut bytes = Vec::new();
    file.take(WINDOW).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_lines_only() {
        let text: String = (1..=100).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
        let tail = last_lines(&text);
        assert_eq!(tail.lines().count(), LINES);
        assert!(tail.starts_with("  line 81\n") && tail.ends_with("  line 100"));
    }

    #[test]
    fn missing_file_is_reported() {
        assert!(of_file(Path::new("/nowhere/at/all.log")).contains("cannot be read"));
    }
}
