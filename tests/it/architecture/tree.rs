//! All files of a source tree, and the file in which a path ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path as FilePath, PathBuf},
};

use super::source::{Kind, Module, Path, Source, anchored};

/// A source tree, without what is compiled for tests only.
pub struct Tree {
    /// The files, by their path below the tree's root.
    pub files: BTreeMap<String, File>,
    /// All modules, each with the path of its file.
    modules: BTreeMap<Path, String>,
}

/// A file of the tree.
pub struct File {
    /// The module that the file is.
    pub module: Path,
    /// What the file contains.
    pub source: Source,
}

/// Where a path ends.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Module(Path),
    Item { file: String, name: String },
}

impl Tree {
    /// Reads all Rust files of a folder.
    pub fn read(root: &FilePath) -> Self {
        let text = |file: &PathBuf| fs::read_to_string(root.join(file)).unwrap();
        Self::new(rust_files(root).iter().map(|file| (file.to_string_lossy().into_owned(), text(file))))
    }

    /// A tree of the given files: each with its path and its text.
    pub fn new(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let parse = |(path, text): (String, String)| {
            let module = module_of(FilePath::new(&path));
            let source = Source::parse(&text, &module);
            (path, File { module, source })
        };
        let mut files: BTreeMap<String, File> = files.into_iter().map(parse).collect();
        let for_tests: BTreeSet<Path> = files.values().flat_map(|file| file.source.test_modules.clone()).collect();
        files.retain(|_, file| !for_tests.iter().any(|tests| file.module.starts_with(tests)));
        // `main.rs` is a crate of its own: only `lib.rs` is the root of this one.
        let modules = files
            .iter()
            .filter(|(path, _)| *path != "main.rs")
            .flat_map(|(path, file)| file.source.modules.keys().map(move |module| (module.clone(), path.clone())));
        Self { modules: modules.collect(), files }
    }

    /// The files that each file uses, with the name of the first item that it uses.
    /// A re-export that the file does not use itself is no use, so a `mod.rs` may pass on what its children define.
    pub fn uses(&self) -> BTreeMap<(&str, &str), String> {
        let mut uses = BTreeMap::new();
        for (from, file) in &self.files {
            for reference in file.source.references.iter().filter(|reference| reference.kind != Kind::Reexport) {
                let (to, name) = match self.follow(&reference.module, &reference.path, &mut BTreeSet::new()) {
                    Some(Target::Item { file, name }) => (file, name),
                    Some(Target::Module(module)) if reference.opens_module() => match self.scope(&module) {
                        Some((file, scope)) if !scope.items.is_empty() => (file.to_owned(), "*".to_owned()),
                        _ => continue,
                    },
                    _ => continue,
                };
                if let Some((to, _)) = self.files.get_key_value(&to)
                    && to != from
                {
                    uses.entry((from.as_str(), to.as_str())).or_insert(name);
                }
            }
        }
        uses
    }

    fn scope(&self, module: &[String]) -> Option<(&str, &Module)> {
        let file = self.modules.get(module)?;
        Some((file, self.files.get(file)?.source.modules.get(module)?))
    }

    /// Where `path`, written in `module`, ends. `seen` holds the paths under way, to stop at one that leads to itself.
    fn follow(&self, module: &[String], path: &[String], seen: &mut BTreeSet<(Path, Path)>) -> Option<Target> {
        if !seen.insert((module.to_vec(), path.to_vec())) {
            return None;
        }
        let target = match anchored(module, path) {
            Some((start, rest)) => self.descend(&start, rest, true, seen),
            None => self.descend(module, path, false, seen),
        };
        seen.remove(&(module.to_vec(), path.to_vec()));
        target
    }

    /// Where `names` end, starting in `module`. With `certain` the first name is known to be of that module: if it is not found
    /// there, a macro makes it.
    fn descend(
        &self,
        module: &[String],
        names: &[String],
        certain: bool,
        seen: &mut BTreeSet<(Path, Path)>,
    ) -> Option<Target> {
        let Some((name, rest)) = names.split_first() else { return Some(Target::Module(module.to_vec())) };
        let (file, scope) = self.scope(module)?;
        let item = Target::Item { file: file.to_owned(), name: name.clone() };
        let child = [module, std::slice::from_ref(name)].concat();
        let names_item = scope.items.contains(name) || scope.imports.contains_key(name);
        if self.modules.contains_key(&child) && scope.children.contains(name) && !(rest.is_empty() && names_item) {
            return self.descend(&child, rest, true, seen);
        }
        if scope.items.contains(name) {
            return Some(item);
        }
        if let Some(import) = scope.imports.get(name) {
            return match self.follow(module, import, seen)? {
                Target::Module(module) => self.descend(&module, rest, true, seen),
                found => Some(found),
            };
        }
        for glob in &scope.globs {
            if let Some(Target::Module(opened)) = self.follow(module, glob, seen)
                && opened != module
                && let Some(found) = self.descend(&opened, names, false, seen)
            {
                return Some(found);
            }
        }
        certain.then_some(item)
    }
}

/// `a/b.rs` and `a/b/mod.rs` are the module `a::b`.
pub fn module_of(file: &FilePath) -> Path {
    let names = file.with_extension("");
    let names = names.iter().map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| !matches!(name.as_str(), "mod" | "lib" | "main")).collect()
}

/// All Rust files of a folder, by their path below it.
fn rust_files(folder: &FilePath) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        if path.is_dir() {
            files.extend(rust_files(&path).into_iter().map(|file| name.join(file)));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(name);
        }
    }
    files
}
