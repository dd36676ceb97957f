//! Dependency cycles between sibling modules inside a crate.
//!
//! An edge leads from one module to a sibling if anything inside the first names anything inside the second, directly or through
//! a re-export. References between a module and its own children do not count.

mod graph;
mod references;
mod tree;

use std::{collections::BTreeMap, path::Path};

use crate::{Finding, Repository};

/// Finds cycles between sibling modules, in each library and binary of the workspace.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let roots = repository.rust_files().filter(|file| is_crate_root(&file.path));
    roots.flat_map(|root| check_crate(repository, &root.path)).collect()
}

fn is_crate_root(path: &str) -> bool {
    path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs") || path.contains("/src/bin/")
}

fn check_crate(repository: &Repository, root: &str) -> Vec<Finding> {
    let tree = tree::Tree::read(repository, Path::new(root));
    // Sibling edges, grouped by the parent module.
    let mut levels: BTreeMap<Vec<String>, graph::Graph> = BTreeMap::new();
    for module in tree.modules() {
        for reference in references::of(module) {
            let Some(target) = tree.resolve(&module.path, &reference.path) else { continue };
            let common = module.path.iter().zip(&target).take_while(|(from, to)| from == to).count();
            let (Some(from), Some(to)) = (module.path.get(common), target.get(common)) else { continue };
            let place = format!("{}:{}", module.file, reference.line);
            levels.entry(target[..common].to_vec()).or_default().add(from, to, place);
        }
    }
    let mut findings = Vec::new();
    for (parent, graph) in levels {
        for cycle in graph.cycles() {
            let parent = if parent.is_empty() { "crate".to_owned() } else { format!("crate::{}", parent.join("::")) };
            let message = format!("modules of {parent} form a cycle: {cycle}");
            findings.push(Finding::new(root, 0, message));
        }
    }
    findings
}
