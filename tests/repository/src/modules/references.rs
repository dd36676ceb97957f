//! Paths that a module names: imports, paths in code, and paths inside macro calls.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, ItemUse, Macro, Path,
    spanned::Spanned as _,
    visit::{self, Visit},
};

use super::tree::{Module, leaves};
use crate::rust;

/// A path as written, with its line.
pub(super) struct Reference {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

/// All references of a module, without those of its submodules.
pub(super) fn of(module: &Module) -> Vec<Reference> {
    let mut collector = Collector { found: Vec::new() };
    for item in &module.items {
        collector.visit_item(item);
    }
    collector.found
}

struct Collector {
    found: Vec<Reference>,
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !rust::is_test_only(rust::attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        // A re-export is for other modules and is not a dependency of this module.
        if matches!(import.vis, syn::Visibility::Inherited) {
            let line = import.span().start().line;
            self.found.extend(leaves(&import.tree).into_iter().map(|(_, path)| Reference { path, line }));
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.found.push(Reference { path: names, line: path.span().start().line });
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.visit_path(&call.path);
        self.visit_tokens(&call.tokens);
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

impl Collector {
    /// Paths that begin with `crate`, `super` or `self` in the tokens of a macro call.
    fn visit_tokens(&mut self, tokens: &TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let mut is_joined = false;
        for token in tokens.clone() {
            match &token {
                TokenTree::Ident(ident) => {
                    if !is_joined {
                        self.finish(&mut path, line);
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    is_joined = false;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => is_joined = !path.is_empty(),
                TokenTree::Group(group) => {
                    self.finish(&mut path, line);
                    is_joined = false;
                    self.visit_tokens(&group.stream());
                }
                _ => {
                    self.finish(&mut path, line);
                    is_joined = false;
                }
            }
        }
        self.finish(&mut path, line);
    }

    fn finish(&mut self, path: &mut Vec<String>, line: usize) {
        let path = std::mem::take(path);
        if path.len() > 1 && ["crate", "super", "self"].contains(&path[0].as_str()) {
            self.found.push(Reference { path, line });
        }
    }
}
