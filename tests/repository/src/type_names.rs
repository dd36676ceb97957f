//! Type names that stand for too many things.

use std::collections::BTreeMap;

use syn::{
    Ident, ItemEnum, ItemStruct, ItemTrait, ItemType,
    visit::{self, Visit},
};

use crate::{Finding, Repository, rust};

/// Maximum types with one name.
const MEANINGS_MAX: usize = 2;
/// The decider vocabulary, and two words that every Rust reader expects in many places.
const EXEMPT: [&str; 5] = ["Command", "Config", "Error", "Event", "State"];
/// Copies of released sources: their types stand for the same things as the current ones.
const COPIES: &str = "tests/previous/";

/// Finds names declared by more than two types of the workspace.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let mut places: BTreeMap<String, Vec<(String, usize)>> = BTreeMap::new();
    for file in repository.rust_files().filter(|file| !file.path.starts_with(COPIES)) {
        let mut names = Names::default();
        names.visit_file(&rust::parse(file));
        for (name, line) in names.found {
            places.entry(name).or_default().push((file.path.clone(), line));
        }
    }
    places.retain(|name, places| places.len() > MEANINGS_MAX && !EXEMPT.contains(&name.as_str()));
    let findings = places.iter().flat_map(|(name, places)| {
        let message = format!("`{name}` stands for {} things, maximum {MEANINGS_MAX}", places.len());
        places.iter().map(move |(path, line)| Finding::new(path, *line, message.clone()))
    });
    findings.collect()
}

/// Names of all types of a file, each with its line.
#[derive(Default)]
struct Names {
    found: Vec<(String, usize)>,
}

impl Names {
    fn add(&mut self, ident: &Ident) {
        self.found.push((ident.to_string(), ident.span().start().line));
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.add(&item.ident);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        self.add(&item.ident);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.add(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast ItemType) {
        self.add(&item.ident);
        visit::visit_item_type(self, item);
    }
}
