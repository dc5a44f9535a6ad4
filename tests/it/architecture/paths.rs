//! The paths that a source file names, from the root of the crate.

use std::collections::BTreeMap;

use super::tokens::{Token, tokens, without_tests};

/// A path: module names and at last an item, or only part of that.
pub type Path = Vec<String>;

/// What a file refers to.
#[derive(Debug, Default, PartialEq)]
pub struct Paths {
    /// Paths within the crate, from its root.
    pub own: Vec<Path>,
    /// First names of all other paths: crates, types, anything.
    pub foreign: Vec<String>,
    /// Modules of this file that are files of their own and only compiled for tests.
    pub test_modules: Vec<String>,
}

/// The paths in the source of `module`.
pub fn paths(source: &str, module: &[String]) -> Paths {
    let (tokens, test_modules) = without_tests(&tokens(source));
    let mut reader = Reader { tokens: &tokens, at: 0, children: children(&tokens), bound: BTreeMap::new() };
    let (uses, inline) = reader.read(module);
    let mut paths = Paths { test_modules, ..Paths::default() };
    for (module, path, name) in uses {
        match reader.resolve(&module, &path) {
            Some(own) => {
                reader.bound.insert(name, own.clone());
                paths.own.push(own);
            }
            None => paths.foreign.push(path[0].clone()),
        }
    }
    for (module, path) in inline {
        match reader.resolve(&module, &path) {
            Some(own) => paths.own.push(own),
            None => paths.foreign.push(path[0].clone()),
        }
    }
    paths
}

/// The modules that the file declares.
fn children(tokens: &[Token]) -> Vec<String> {
    let names = tokens.windows(3).filter_map(|three| match three {
        [first, Token::Word(name), Token::Sign(';' | '{')] if first.is("mod") => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    children: Vec<String>,
    /// Names that a `use` brought in.
    bound: BTreeMap<String, Path>,
}

/// A `use`: where it stands, the path, and the name it gets.
type Use = (Path, Path, String);

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    fn next_is(&self, ahead: usize, text: &str) -> bool {
        self.peek(ahead).is_some_and(|token| token.is(text))
    }

    /// All `use`s, and all other paths of two names at least, each with the module it stands in.
    fn read(&mut self, module: &[String]) -> (Vec<Use>, Vec<(Path, Path)>) {
        let (mut uses, mut inline) = (Vec::new(), Vec::new());
        let mut module = module.to_vec();
        let mut depth = 0;
        let mut inner: Vec<usize> = Vec::new();
        while let Some(token) = self.peek(0) {
            match token {
                Token::Word(word) if word == "use" && !self.next_is(1, "<") => {
                    self.at += 1;
                    self.use_tree(Vec::new(), &mut |path, name| uses.push((module.clone(), path, name)));
                }
                Token::Word(word) if word == "mod" && self.next_is(2, "{") => {
                    if let Some(Token::Word(name)) = self.peek(1) {
                        module.push(name.clone());
                        inner.push(depth);
                    }
                    self.at += 2;
                }
                Token::Word(_) => {
                    let path = self.simple_path();
                    if path.len() > 1 {
                        inline.push((module.clone(), path));
                    }
                }
                Token::Sign('{') => {
                    depth += 1;
                    self.at += 1;
                }
                Token::Sign('}') => {
                    depth -= 1;
                    self.at += 1;
                    if inner.last() == Some(&depth) {
                        inner.pop();
                        module.pop();
                    }
                }
                _ => self.at += 1,
            }
        }
        (uses, inline)
    }

    /// `a::b::c`, as far as it is plain names.
    fn simple_path(&mut self) -> Path {
        let mut path = Path::new();
        while let Some(Token::Word(word)) = self.peek(0) {
            path.push(word.clone());
            self.at += 1;
            if !(self.next_is(0, "::") && matches!(self.peek(1), Some(Token::Word(_)))) {
                break;
            }
            self.at += 1;
        }
        path
    }

    /// What follows `use`, or a branch of it.
    fn use_tree(&mut self, mut path: Path, found: &mut impl FnMut(Path, String)) {
        if self.next_is(0, "::") {
            self.at += 1;
        }
        path.extend(self.simple_path());
        if self.next_is(0, "::") {
            self.at += 1;
        }
        if self.next_is(0, "*") {
            self.at += 1;
            return found(path, "*".to_owned());
        }
        if self.next_is(0, "{") {
            self.at += 1;
            while self.peek(0).is_some() && !self.next_is(0, "}") {
                self.use_tree(path.clone(), found);
                if self.next_is(0, ",") {
                    self.at += 1;
                }
            }
            self.at += 1;
            return;
        }
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        let mut name = path.last().cloned().unwrap_or_default();
        if self.next_is(0, "as") {
            if let Some(Token::Word(alias)) = self.peek(1) {
                name = alias.clone();
            }
            self.at += 2;
        }
        if path.is_empty() {
            self.at += 1;
        } else {
            found(path, name);
        }
    }

    /// The path from the root of the crate, or `None` when it is not within the crate.
    fn resolve(&self, module: &[String], path: &[String]) -> Option<Path> {
        let (first, rest) = path.split_first()?;
        let mut root = match first.as_str() {
            "crate" | "orderwire" => Path::new(),
            "self" => module.to_vec(),
            "super" => {
                let ups = path.iter().take_while(|name| *name == "super").count();
                let mut root = module[..module.len().saturating_sub(ups)].to_vec();
                root.extend_from_slice(&path[ups..]);
                return Some(root);
            }
            name if self.bound.contains_key(name) => self.bound[name].clone(),
            name if self.children.iter().any(|child| child == name) => {
                let mut root = module.to_vec();
                root.push(name.to_owned());
                root
            }
            _ => return None,
        };
        root.extend_from_slice(rest);
        Some(root)
    }
}
