//! The crate's source as modules, and which file each file imports from.
//!
//! Reads `use` declarations and paths in code; what only a macro's body names is not seen. Code for tests is left
//! out: a test module belongs to the module it tests. Invariant: a name that is handed on by `use` is followed to
//! the file that defines it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Attribute, Item, ItemMod, ItemUse, UseTree, Visibility,
    visit::{self, Visit},
};

/// Names of modules from the crate's root; the root itself is empty.
type ModulePath = Vec<String>;

/// How many `use` declarations a name is followed through.
const MAX_HOPS: usize = 8;

#[derive(Default)]
pub struct SourceTree {
    modules: BTreeMap<ModulePath, Module>,
    /// What each file holds, by its name relative to `src`.
    texts: BTreeMap<String, String>,
}

#[derive(Default)]
struct Module {
    /// Relative to `src`.
    file: String,
    /// Names brought in by `use`, and the paths they stand for.
    names: BTreeMap<String, Vec<String>>,
    /// Paths whose items are used here, not only handed on.
    paths: Vec<Vec<String>>,
}

impl SourceTree {
    /// Reads the crate whose root is `src/lib.rs`.
    pub fn read() -> Self {
        let mut tree = Self::default();
        tree.add_file(Path::new("src/lib.rs"), Path::new("src"), Vec::new());
        tree
    }

    /// Every file, and the other files it imports from.
    pub fn imports(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut imports: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (path, module) in &self.modules {
            let from = imports.entry(module.file.as_str()).or_default();
            let targets = module.paths.iter();
            from.extend(targets.filter_map(|target| self.resolve(path, target, MAX_HOPS)));
            from.remove(module.file.as_str());
        }
        imports
    }

    /// Every file's name and text.
    pub fn texts(&self) -> &BTreeMap<String, String> {
        &self.texts
    }

    fn add_file(&mut self, file: &Path, children: &Path, path: ModulePath) {
        let text = fs::read_to_string(file).unwrap();
        let parsed = syn::parse_file(&text).unwrap();
        self.texts.insert(name_of(file), text);
        self.add_module(file, children, path, &parsed.items);
    }

    fn add_module(&mut self, file: &Path, children: &Path, path: ModulePath, items: &[Item]) {
        let mut module = Module {
            file: name_of(file),
            ..Module::default()
        };
        for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
            match item {
                Item::Mod(child) => self.add_child(file, children, &path, child),
                Item::Use(item) => module.add_use(item),
                _ => Paths(&mut module.paths).visit_item(item),
            }
        }
        self.modules.insert(path, module);
    }

    fn add_child(&mut self, file: &Path, children: &Path, path: &[String], child: &ItemMod) {
        let name = child.ident.to_string();
        let below = children.join(&name);
        let path = [path, std::slice::from_ref(&name)].concat();
        if let Some((_, items)) = &child.content {
            return self.add_module(file, &below, path, items);
        }
        let candidates = [below.with_extension("rs"), below.join("mod.rs")];
        let file: PathBuf = candidates.into_iter().find(|file| file.exists()).unwrap();
        self.add_file(&file, &below, path);
    }

    /// The file that defines what `path` names in module `from`; `None` outside of this crate.
    fn resolve(&self, from: &[String], path: &[String], hops: usize) -> Option<&str> {
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.to_vec(),
            "super" => from.split_last()?.1.to_vec(),
            child => {
                let below = [from, &[child.to_owned()]].concat();
                if !self.modules.contains_key(&below) {
                    // A name of this module's own `use` is counted where that is written.
                    return None;
                }
                below
            }
        };
        while let Some((next, after)) = rest.split_first() {
            let below = [at.as_slice(), std::slice::from_ref(next)].concat();
            if next == "super" {
                at.pop()?;
            } else if self.modules.contains_key(&below) {
                at = below;
            } else {
                let handed_on = self.modules[&at].names.get(next);
                if let Some(target) = handed_on.filter(|_| hops > 0) {
                    return self.resolve(&at, &[target, after].concat(), hops - 1);
                }
                break;
            }
            rest = after;
        }
        Some(&self.modules[&at].file)
    }
}

impl Module {
    fn add_use(&mut self, item: &ItemUse) {
        let mut leaves = Vec::new();
        flatten(&item.tree, Vec::new(), &mut leaves);
        let is_handed_on = !matches!(item.vis, Visibility::Inherited);
        for (name, path) in leaves {
            if !is_handed_on {
                self.paths.push(path.clone());
            }
            self.names.insert(name, path);
        }
    }
}

fn flatten(tree: &UseTree, mut path: Vec<String>, leaves: &mut Vec<(String, Vec<String>)>) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            flatten(&step.tree, path, leaves);
        }
        UseTree::Name(leaf) if leaf.ident == "self" => {
            let name = path.last().cloned().unwrap_or_default();
            leaves.push((name, path));
        }
        UseTree::Name(leaf) => {
            path.push(leaf.ident.to_string());
            leaves.push((leaf.ident.to_string(), path));
        }
        UseTree::Rename(leaf) => {
            path.push(leaf.ident.to_string());
            leaves.push((leaf.rename.to_string(), path));
        }
        UseTree::Glob(_) => leaves.push(("*".to_owned(), path)),
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, path.clone(), leaves);
            }
        }
    }
}

/// Paths written out in code, such as `crate::oci::Digest` or `words::tag`.
struct Paths<'a>(&'a mut Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        let names: Vec<String> = segments.map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 {
            self.0.push(names);
        }
        visit::visit_path(self, path);
    }
}

/// The file's name relative to `src`.
fn name_of(file: &Path) -> String {
    file.strip_prefix("src").unwrap().display().to_string()
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute.meta.require_list();
        attribute.path().is_ident("cfg")
            && condition.is_ok_and(|condition| condition.tokens.to_string() == "test")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Const(item) => &item.attrs,
        _ => &[],
    }
}
