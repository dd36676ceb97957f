//! Helpers around parsed Rust sources.

use syn::{Attribute, Item, Meta};

use crate::repository::SourceFile;

/// Parses a Rust file. Panics with its path if it is not Rust.
pub(crate) fn parse(file: &SourceFile) -> syn::File {
    syn::parse_file(&file.text).unwrap_or_else(|error| panic!("failed to parse {}: {error}", file.path))
}

/// Reports an attribute that removes the item from production builds: `#[cfg(test)]`, alone or within `all`.
pub(crate) fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Meta::List(list) = &attribute.meta else { return false };
        let tokens = list.tokens.to_string();
        list.path.is_ident("cfg")
            && (tokens == "test" || tokens.starts_with("all (test") || tokens.starts_with("all(test"))
    })
}

/// Reports that a doc comment or a `doc` attribute is among the attributes.
pub(crate) fn is_documented(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("doc"))
}

/// The attributes of an item.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// First and last line of every test-only item of a file.
pub(crate) fn test_only_lines(parsed: &syn::File) -> Vec<(usize, usize)> {
    use syn::spanned::Spanned as _;
    let test_only = parsed.items.iter().filter(|item| is_test_only(attributes(item)));
    test_only.map(|item| (item.span().start().line, item.span().end().line)).collect()
}
