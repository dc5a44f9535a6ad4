//! What one Rust file declares, imports and names, read with `syn`.

use std::collections::{BTreeMap, BTreeSet};

use syn::{
    Attribute, ImplItem, Item, Meta, Stmt, TraitItem, UseTree, Visibility,
    visit::{self, Visit},
};

use super::tokens::{attribute_paths, ident_name, macro_paths, names};

/// Names that `::` joins. A leading `::` is a name of its own.
pub type Path = Vec<String>;

/// The contents of one file, without what is compiled for tests only.
#[derive(Default)]
pub struct Source {
    /// The module that the file is, and the modules written out inside it.
    pub modules: BTreeMap<Path, Module>,
    /// Every path that the file names, in the order of the source.
    pub references: Vec<Reference>,
    /// Modules that are compiled for tests only and are files of their own.
    pub test_modules: Vec<Path>,
}

/// The names that a module makes known.
#[derive(Default)]
pub struct Module {
    /// Functions, types, constants and macros that are written in the module.
    pub items: BTreeSet<String>,
    /// Modules declared in the module.
    pub children: BTreeSet<String>,
    /// Names that a `use` brings in, each with the path it stands for.
    pub imports: BTreeMap<String, Path>,
    /// Modules that a `use …::*` opens.
    pub globs: Vec<Path>,
}

/// A path that a file names.
#[derive(Debug)]
pub struct Reference {
    /// The module that the path stands in.
    pub module: Path,
    /// The path as it is written.
    pub path: Path,
    /// How the path is named.
    pub kind: Kind,
}

impl Reference {
    /// Whether all of a module is used, if the path ends in one: by a `*`, or by an attribute such as
    /// `#[serde(with = "super::hex")]`. A `use` of a module only gives it a name.
    pub fn opens_module(&self) -> bool {
        self.kind == Kind::Glob || self.kind == Kind::Inline && self.path.len() > 1
    }
}

/// How a path is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `use` for this module only.
    Import,
    /// `use …::*`.
    Glob,
    /// `pub use`, at any visibility.
    Reexport,
    /// In code, a macro's tokens or an attribute.
    Inline,
}

/// What a path means within one file.
#[derive(Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A path within the crate, from its root.
    Own(Path),
    /// Anything else, such as a crate or a local item; with its first name.
    Foreign(String),
}

impl Source {
    /// Reads the file that is `module`.
    pub fn parse(text: &str, module: &[String]) -> Self {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", module.join("::")));
        let mut reader = Reader { source: Self::default(), module: module.to_vec() };
        reader.scope();
        reader.visit_file(&file);
        reader.source
    }

    /// The meanings of all paths that the file names. A single name in code is left out: a `use` or a declaration gives it
    /// its meaning.
    pub fn meanings(&self) -> impl Iterator<Item = Meaning> {
        let references =
            self.references.iter().filter(|reference| reference.kind != Kind::Inline || reference.path.len() > 1);
        references.map(|reference| self.meaning(&reference.module, &reference.path, 0))
    }

    /// The meaning of a path, as far as this file tells it. `depth` counts the imports that were followed, to stop at an
    /// import of itself.
    fn meaning(&self, module: &[String], path: &[String], depth: usize) -> Meaning {
        if let Some((start, rest)) = anchored(module, path) {
            return Meaning::Own([&start, rest].concat());
        }
        let (first, rest) = (&path[0], &path[1..]);
        if first == "::" {
            return Meaning::Foreign(rest.first().cloned().unwrap_or_default());
        }
        let scope = self.modules.get(module);
        if let Some(import) = scope.and_then(|scope| scope.imports.get(first))
            && import != path
            && depth < 16
        {
            return match self.meaning(module, import, depth + 1) {
                Meaning::Own(start) => Meaning::Own([&start, rest].concat()),
                foreign => foreign,
            };
        }
        if scope.is_some_and(|scope| scope.children.contains(first)) {
            return Meaning::Own([module, path].concat());
        }
        Meaning::Foreign(first.clone())
    }
}

/// Where a path with an anchor (`crate`, `self`, `super`, the crate's own name) starts, and the rest of it.
pub fn anchored<'a>(module: &[String], path: &'a [String]) -> Option<(Path, &'a [String])> {
    let skip = usize::from(path.first()? == "::" && path.get(1).is_some_and(|name| name == "orderwire"));
    let path = &path[skip..];
    match path[0].as_str() {
        "crate" | "orderwire" => Some((Path::new(), &path[1..])),
        "self" | "super" => {
            let path = path.strip_prefix(&["self".to_owned()]).unwrap_or(path);
            let ups = path.iter().take_while(|name| *name == "super").count();
            Some((module[..module.len().saturating_sub(ups)].to_vec(), &path[ups..]))
        }
        _ => None,
    }
}

struct Reader {
    source: Source,
    /// The module that is being read.
    module: Path,
}

impl Reader {
    fn scope(&mut self) -> &mut Module {
        self.source.modules.entry(self.module.clone()).or_default()
    }

    fn refer(&mut self, path: Path, kind: Kind) {
        let alone = matches!(path.as_slice(), [name] if matches!(name.as_str(), "self" | "super" | "crate" | "Self"));
        let is_local = alone && kind == Kind::Inline;
        if !path.is_empty() && !is_local {
            self.source.references.push(Reference { module: self.module.clone(), path, kind });
        }
    }

    fn refer_to_all(&mut self, paths: Vec<Path>) {
        paths.into_iter().for_each(|path| self.refer(path, Kind::Inline));
    }

    fn import(&mut self, path: Path, name: String, kind: Kind) {
        self.refer(path.clone(), kind);
        if name != "_" {
            self.scope().imports.insert(name, path);
        }
    }

    fn use_tree(&mut self, mut path: Path, tree: &UseTree, kind: Kind) {
        match tree {
            UseTree::Path(branch) => {
                path.push(ident_name(&branch.ident));
                self.use_tree(path, &branch.tree, kind);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.use_tree(path.clone(), tree, kind)),
            UseTree::Glob(_) => {
                self.refer(path.clone(), if kind == Kind::Import { Kind::Glob } else { kind });
                self.scope().globs.push(path);
            }
            UseTree::Name(syn::UseName { ident }) | UseTree::Rename(syn::UseRename { ident, .. }) => {
                if ident != "self" || path.is_empty() {
                    path.push(ident_name(ident));
                }
                let name = match tree {
                    UseTree::Rename(renamed) => ident_name(&renamed.rename),
                    _ => path.last().cloned().unwrap_or_default(),
                };
                self.import(path, name, kind);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_for_tests(item_attributes(item)) {
            if let Item::Mod(syn::ItemMod { ident, content: None, .. }) = item {
                self.source.test_modules.push([self.module.clone(), vec![ident_name(ident)]].concat());
            }
            return;
        }
        if let Some(name) = declared_name(item) {
            self.scope().items.insert(name);
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = ident_name(&item.ident);
        self.scope().children.insert(name.clone());
        if item.content.is_some() {
            self.module.push(name);
            self.scope();
            visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let kind = if matches!(item.vis, Visibility::Inherited) { Kind::Import } else { Kind::Reexport };
        let start = item.leading_colon.map(|_| "::".to_owned()).into_iter().collect();
        self.use_tree(start, &item.tree, kind);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        let name = ident_name(&item.ident);
        let alias = item.rename.as_ref().map_or_else(|| name.clone(), |(_, alias)| ident_name(alias));
        self.import(vec!["::".to_owned(), name], alias, Kind::Import);
    }

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => return visit::visit_impl_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        let attributes = match item {
            TraitItem::Const(item) => &item.attrs,
            TraitItem::Fn(item) => &item.attrs,
            TraitItem::Type(item) => &item.attrs,
            TraitItem::Macro(item) => &item.attrs,
            _ => return visit::visit_trait_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let attributes = match statement {
            Stmt::Local(local) => local.attrs.as_slice(),
            Stmt::Macro(call) => &call.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        self.visit_path(attribute.path());
        match &attribute.meta {
            Meta::Path(_) => {}
            Meta::List(list) => self.refer_to_all(attribute_paths(list.tokens.clone())),
            Meta::NameValue(pair) => self.visit_expr(&pair.value),
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.refer_to_all(macro_paths(call.tokens.clone()));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.refer(names(path), Kind::Inline);
        visit::visit_path(self, path);
    }
}

/// Whether something with these attributes is compiled for tests only.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<Meta>().is_ok_and(|condition| match condition {
                Meta::Path(path) => path.is_ident("test"),
                Meta::List(list) => {
                    let first = list.tokens.into_iter().next();
                    list.path.is_ident("all") && first.is_some_and(|first| first.to_string() == "test")
                }
                Meta::NameValue(_) => false,
            })
    })
}

fn item_attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name that an item adds to its module; none for modules, imports and `impl` blocks.
fn declared_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident_name(name))
}
