//! `cargo saga generate`: the parts of deployment files that list the services, written from the catalog.
//!
//! A file contains regions between the lines `# generated: <name>` and `# end generated`; the rest of it is written by hand. A test
//! fails when a region differs from the catalog.

mod compose;
mod docker;
mod prometheus;
mod region;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// A file, and the content of each of its regions.
struct GeneratedFile {
    path: &'static str,
    regions: Vec<(&'static str, String)>,
}

/// Writes all regions and prints the files that changed. Returns the exit code, always 0.
///
/// # Errors
/// A file cannot be read or written, or lacks a region.
pub fn run(root: &Path) -> Result<u8> {
    let changed = render_all(root)?;
    for (path, text) in &changed {
        fs::write(root.join(path), text).with_context(|| format!("failed to write {path}"))?;
        println!("wrote {path}");
    }
    if changed.is_empty() {
        println!("generated regions are up to date");
    }
    Ok(0)
}

/// Paths and new texts of the files whose regions differ from the catalog.
fn render_all(root: &Path) -> Result<Vec<(&'static str, String)>> {
    let mut changed = Vec::new();
    for file in files() {
        let before =
            fs::read_to_string(root.join(file.path)).with_context(|| format!("failed to read {}", file.path))?;
        let mut after = before.clone();
        for (name, content) in &file.regions {
            after = region::replace(&after, name, content).with_context(|| format!("invalid {}", file.path))?;
        }
        if after != before {
            changed.push((file.path, after));
        }
    }
    Ok(changed)
}

fn files() -> Vec<GeneratedFile> {
    vec![
        GeneratedFile { path: "docker-compose.yml", regions: compose::suite() },
        GeneratedFile { path: "deploy/compose/postgres.yml", regions: compose::postgres() },
        GeneratedFile { path: "deploy/docker/Dockerfile", regions: docker::images() },
        GeneratedFile { path: "deploy/prometheus/prometheus.yml", regions: prometheus::jobs() },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::workspace::Workspace;

    #[test]
    fn generated_regions_match_the_catalog() {
        let root = Workspace::find().expect("the test runs in the workspace").root().to_owned();
        let changed: Vec<_> = render_all(&root).expect("readable files").into_iter().map(|(path, _)| path).collect();
        assert_eq!(changed, [""; 0], "run `cargo saga generate`");
    }
}
