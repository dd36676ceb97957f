//! Regions of a text between two marker lines.

use anyhow::{Context, Result};

const END: &str = "# end generated";

/// Replaces the lines of the region `name`. The markers and their indentation stay.
///
/// # Errors
/// The region is missing or has no end.
pub(super) fn replace(text: &str, name: &str, content: &str) -> Result<String> {
    let begin = format!("# generated: {name}\n");
    let start = text.find(&begin).with_context(|| format!("missing line `{}`", begin.trim_end()))? + begin.len();
    let marker =
        start + text[start..].find(END).with_context(|| format!("missing `{END}` after `{}`", begin.trim_end()))?;
    let end = text[..marker].rfind('\n').map_or(start, |place| place + 1);
    Ok(format!("{}{content}{}", &text[..start], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replace_keeps_everything_outside_the_region() {
        let text = "a\n  # generated: x\n  old\n  # end generated\nb\n";
        assert_eq!(replace(text, "x", "  new\n").unwrap(), "a\n  # generated: x\n  new\n  # end generated\nb\n");
        assert_eq!(replace(text, "x", "").unwrap(), "a\n  # generated: x\n  # end generated\nb\n");
    }

    #[test]
    fn replace_fails_when_a_marker_is_missing() {
        assert!(replace("a\n", "x", "").is_err());
        assert!(replace("# generated: x\n", "x", "").is_err());
    }
}
