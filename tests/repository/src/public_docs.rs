//! Documentation of public items in the shared crates. Fields and variants may stay without: their names often suffice.

use proc_macro2::Span;
use syn::{Attribute, ImplItem, Item, TraitItem, Visibility};

use crate::{Finding, Repository, repository::SourceFile, rust};

/// Finds public items of `shared/` that lack documentation.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let sources =
        repository.rust_files().filter(|file| file.path.starts_with("shared/") && file.path.contains("/src/"));
    sources.flat_map(check_file).collect()
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let parsed = rust::parse(file);
    let mut findings = Vec::new();
    if file.path.ends_with("/lib.rs") && !rust::is_documented(&parsed.attrs) {
        findings.push(Finding::new(&file.path, 1, "the crate has no documentation"));
    }
    check_items(file, &parsed.items, &mut findings);
    findings
}

fn check_items(file: &SourceFile, items: &[Item], findings: &mut Vec<Finding>) {
    for item in items.iter().filter(|item| !rust::is_test_only(rust::attributes(item))) {
        if let Some((name, span)) = public_name(item) {
            require(file, rust::attributes(item), &name, span, findings);
        }
        match item {
            Item::Mod(module) => {
                if let Some((_, items)) = &module.content {
                    check_items(file, items, findings);
                }
            }
            Item::Trait(item) if is_public(&item.vis) => {
                for member in &item.items {
                    let (attributes, ident) = match member {
                        TraitItem::Const(member) => (&member.attrs, &member.ident),
                        TraitItem::Fn(member) => (&member.attrs, &member.sig.ident),
                        TraitItem::Type(member) => (&member.attrs, &member.ident),
                        _ => continue,
                    };
                    require(file, attributes, &format!("{}::{ident}", item.ident), ident.span(), findings);
                }
            }
            Item::Impl(item) if item.trait_.is_none() => {
                for member in &item.items {
                    let (visibility, attributes, ident) = match member {
                        ImplItem::Const(member) => (&member.vis, &member.attrs, &member.ident),
                        ImplItem::Fn(member) => (&member.vis, &member.attrs, &member.sig.ident),
                        _ => continue,
                    };
                    if is_public(visibility) {
                        require(file, attributes, &ident.to_string(), ident.span(), findings);
                    }
                }
            }
            _ => {}
        }
    }
}

fn require(file: &SourceFile, attributes: &[Attribute], name: &str, span: Span, findings: &mut Vec<Finding>) {
    if !rust::is_documented(attributes) {
        findings.push(Finding::new(&file.path, span.start().line, format!("public `{name}` has no documentation")));
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Name of a public item that needs documentation. A module with its own file is documented there.
fn public_name(item: &Item) -> Option<(String, Span)> {
    let (visibility, ident) = match item {
        Item::Const(item) => (&item.vis, &item.ident),
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Fn(item) => (&item.vis, &item.sig.ident),
        Item::Static(item) => (&item.vis, &item.ident),
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        Item::Type(item) => (&item.vis, &item.ident),
        Item::Mod(item) if item.content.is_some() => (&item.vis, &item.ident),
        Item::Macro(item) if item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) => {
            let ident = item.ident.as_ref()?;
            return Some((ident.to_string(), ident.span()));
        }
        _ => return None,
    };
    is_public(visibility).then(|| (ident.to_string(), ident.span()))
}
