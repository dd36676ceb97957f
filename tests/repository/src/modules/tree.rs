//! The modules of one crate and the names that each of them imports.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use syn::{Expr, Item, ItemUse, Lit, Meta, UseTree};

use crate::{Repository, rust};

/// Bound on re-exports of re-exports; two globs may name each other.
const DEPTH_MAX: usize = 16;

/// A module, in its own file or inline.
pub(super) struct Module {
    /// Names from the crate root, which itself has none.
    pub(super) path: Vec<String>,
    pub(super) file: String,
    /// Production items of this module, without those of its submodules.
    pub(super) items: Vec<Item>,
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

/// All production modules of one crate.
pub(super) struct Tree {
    modules: BTreeMap<Vec<String>, Module>,
}

impl Tree {
    pub(super) fn read(repository: &Repository, root: &Path) -> Self {
        let mut tree = Self { modules: BTreeMap::new() };
        let folder = root.parent().expect("a file has a folder").to_owned();
        tree.read_file(repository, root, &folder, Vec::new());
        tree
    }

    pub(super) fn modules(&self) -> impl Iterator<Item = &Module> {
        self.modules.values()
    }

    /// `folder` contains the module's submodules.
    fn read_file(&mut self, repository: &Repository, file: &Path, folder: &Path, path: Vec<String>) {
        let name = file.to_string_lossy();
        let Some(source) = repository.file(&name) else { return };
        self.add(repository, &name, rust::parse(source).items, folder, path);
    }

    fn add(&mut self, repository: &Repository, file: &str, items: Vec<Item>, folder: &Path, path: Vec<String>) {
        let mut module = Module {
            path: path.clone(),
            file: file.to_owned(),
            items: vec![],
            imports: BTreeMap::new(),
            globs: vec![],
        };
        for item in items {
            if rust::is_test_only(rust::attributes(&item)) {
                continue;
            }
            if let Item::Mod(inner) = item {
                let name = inner.ident.to_string();
                let inner_path: Vec<_> = path.iter().cloned().chain([name.clone()]).collect();
                if let Some((_, items)) = inner.content {
                    self.add(repository, file, items, &folder.join(&name), inner_path);
                } else {
                    self.read_declared(repository, Path::new(file), folder, &name, &inner.attrs, inner_path);
                }
                continue;
            }
            if let Item::Use(import) = &item {
                module.import(import);
            }
            module.items.push(item);
        }
        self.modules.insert(path, module);
    }

    fn read_declared(
        &mut self,
        repository: &Repository,
        declared_in: &Path,
        folder: &Path,
        name: &str,
        attributes: &[syn::Attribute],
        path: Vec<String>,
    ) {
        if let Some(other) = path_attribute(attributes) {
            let file = normalize(&declared_in.parent().expect("a file has a folder").join(other));
            let folder = file.parent().expect("a file has a folder").to_owned();
            return self.read_file(repository, &file, &folder, path);
        }
        let beside = folder.join(format!("{name}.rs"));
        let file = if repository.file(&beside.to_string_lossy()).is_some() {
            beside
        } else {
            folder.join(name).join("mod.rs")
        };
        self.read_file(repository, &file, &folder.join(name), path);
    }

    /// The module in which a path, as written in the module `from`, ends. `None` for other crates' paths.
    pub(super) fn resolve(&self, from: &[String], path: &[String]) -> Option<Vec<String>> {
        self.resolve_within(from, path, DEPTH_MAX)
    }

    fn resolve_within(&self, from: &[String], path: &[String], depth: usize) -> Option<Vec<String>> {
        let depth = depth.checked_sub(1)?;
        let mut current = from.to_vec();
        let mut rest = path;
        let mut is_relative = true;
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "crate" => current.clear(),
                "super" => drop(current.pop()),
                "self" => {}
                _ => break,
            }
            is_relative = false;
            rest = others;
        }
        for (index, name) in rest.iter().enumerate() {
            let mut child = current.clone();
            child.push(name.clone());
            if self.modules.contains_key(&child) {
                current = child;
                continue;
            }
            match self.imported(&current, name, depth) {
                Some(target) => current = target,
                None if is_relative && index == 0 => return None,
                // An item of the current module.
                None => break,
            }
        }
        Some(current)
    }

    /// The module in which an imported name of a module is defined.
    fn imported(&self, module: &[String], name: &str, depth: usize) -> Option<Vec<String>> {
        let module = self.modules.get(module)?;
        if let Some(target) = module.imports.get(name) {
            return self.resolve_within(&module.path, target, depth);
        }
        module.globs.iter().find_map(|glob| {
            let target = self.resolve_within(&module.path, glob, depth)?;
            (target != module.path && self.modules.get(&target)?.defines(name)).then_some(target)
        })
    }
}

impl Module {
    fn import(&mut self, import: &ItemUse) {
        for (name, path) in leaves(&import.tree) {
            match name {
                // `use a::a` would name itself.
                Some(name) if path != [name.clone()] => drop(self.imports.insert(name, path)),
                Some(_) => {}
                None => self.globs.push(path),
            }
        }
    }

    fn defines(&self, name: &str) -> bool {
        self.items.iter().any(|item| match item {
            Item::Const(item) => item.ident == name,
            Item::Enum(item) => item.ident == name,
            Item::Fn(item) => item.sig.ident == name,
            Item::Static(item) => item.ident == name,
            Item::Struct(item) => item.ident == name,
            Item::Trait(item) => item.ident == name,
            Item::Type(item) => item.ident == name,
            _ => false,
        })
    }
}

/// Every name that a `use` brings in, with its path; no name for a glob.
pub(super) fn leaves(tree: &UseTree) -> Vec<(Option<String>, Vec<String>)> {
    match tree {
        UseTree::Path(path) => {
            let prefix = path.ident.to_string();
            let mut leaves = leaves(&path.tree);
            for (name, leaf) in &mut leaves {
                if leaf.first().is_some_and(|first| first == "self") {
                    leaf.remove(0);
                    *name = Some(prefix.clone());
                }
                leaf.insert(0, prefix.clone());
            }
            leaves
        }
        UseTree::Name(name) => vec![(Some(name.ident.to_string()), vec![name.ident.to_string()])],
        UseTree::Rename(rename) => vec![(Some(rename.rename.to_string()), vec![rename.ident.to_string()])],
        UseTree::Glob(_) => vec![(None, vec![])],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

fn path_attribute(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let (true, Expr::Lit(value)) = (pair.path.is_ident("path"), &pair.value) else { return None };
        let Lit::Str(text) = &value.lit else { return None };
        Some(text.value())
    })
}

fn normalize(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        if part.as_os_str() == ".." {
            normal.pop();
        } else {
            normal.push(part);
        }
    }
    normal
}
