//! Subcommands and flags of this workspace's programs, read from their clap declarations.

use std::collections::{BTreeMap, BTreeSet};

use syn::{
    Attribute, Field, ItemEnum, Meta,
    visit::{self, Visit},
};

use crate::{Repository, rust};

/// Command line of one package.
#[derive(Default)]
pub(super) struct Program {
    /// Names of subcommands at all levels; `true` if the subcommand has subcommands itself.
    pub(super) commands: BTreeMap<String, bool>,
    /// Long flags, without dashes.
    pub(super) flags: BTreeSet<String>,
}

/// Command lines of all packages, by package name.
pub(super) struct Programs {
    programs: BTreeMap<String, Program>,
}

impl Programs {
    pub(super) fn of(repository: &Repository) -> Self {
        let manifests = repository.files.iter().filter(|file| file.path.ends_with("/Cargo.toml"));
        let programs = manifests.filter_map(|manifest| {
            let name = manifest.text.lines().find_map(|line| line.strip_prefix("name = "))?.trim_matches('"');
            let folder = manifest.path.trim_end_matches("Cargo.toml");
            Some((name.to_owned(), Program::of(repository, folder)))
        });
        Self { programs: programs.collect() }
    }

    pub(super) fn get(&self, package: &str) -> Option<&Program> {
        self.programs.get(package)
    }
}

impl Program {
    fn of(repository: &Repository, folder: &str) -> Self {
        let mut program = Self::default();
        for file in repository.rust_files().filter(|file| file.path.starts_with(folder) && file.path.contains("/src/"))
        {
            program.visit_file(&rust::parse(file));
        }
        program
    }
}

impl<'ast> Visit<'ast> for Program {
    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        if item
            .attrs
            .iter()
            .any(|attribute| tokens(attribute, "derive").is_some_and(|text| text.contains("Subcommand")))
        {
            for variant in &item.variants {
                let fields = variant.fields.iter().flat_map(|field| &field.attrs);
                let attributes = variant.attrs.iter().chain(fields);
                let is_nested = attributes.clone().any(|attribute| {
                    tokens(attribute, "command")
                        .is_some_and(|text| text.split(',').any(|part| part.trim() == "subcommand"))
                });
                let renamed = variant.attrs.iter().find_map(|attribute| value(attribute, "command", "name"));
                let name = renamed.unwrap_or_else(|| kebab_case(&variant.ident.to_string()));
                self.commands.insert(name, is_nested);
            }
        }
        visit::visit_item_enum(self, item);
    }

    fn visit_field(&mut self, field: &'ast Field) {
        let (Some(ident), Some(attribute)) =
            (&field.ident, field.attrs.iter().find(|attr| attr.path().is_ident("arg")))
        else {
            return;
        };
        let is_long = tokens(attribute, "arg")
            .is_some_and(|text| text.split(',').any(|part| part.trim() == "long" || part.trim().starts_with("long =")));
        if is_long {
            let flag = value(attribute, "arg", "long").unwrap_or_else(|| ident.to_string().replace('_', "-"));
            self.flags.insert(flag);
        }
    }
}

/// Tokens of an attribute list of this name, as text.
fn tokens(attribute: &Attribute, name: &str) -> Option<String> {
    let Meta::List(list) = &attribute.meta else { return None };
    list.path.is_ident(name).then(|| list.tokens.to_string())
}

/// The text in `key = "text"` of an attribute.
fn value(attribute: &Attribute, name: &str, key: &str) -> Option<String> {
    let tokens = tokens(attribute, name)?;
    let (_, rest) = tokens.split_once(&format!("{key} = \""))?;
    rest.split_once('"').map(|(value, _)| value.to_owned())
}

fn kebab_case(name: &str) -> String {
    let mut kebab = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(c.to_lowercase());
    }
    kebab
}
