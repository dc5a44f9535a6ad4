//! Circles: files of one layer that use each other, directly or by way of others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::tree::Tree;

type Uses<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>;

/// All circles of a tree, by layer. Each use that is part of a circle is in at least one of the chains, which read
/// `a.rs -> b.rs (X) -> a.rs (Y)`: `a.rs` uses `X` of `b.rs`, which uses `Y` of `a.rs`.
pub fn circles(tree: &Tree) -> BTreeMap<String, Vec<String>> {
    let uses = tree.uses();
    let mut layers: BTreeMap<String, Uses> = BTreeMap::new();
    for ((from, to), name) in &uses {
        if layer(from) == layer(to) {
            layers.entry(layer(from).to_owned()).or_default().entry(from).or_default().insert(to, name);
        }
    }
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (layer, uses) in layers {
        let chains = chains(&uses);
        if !chains.is_empty() {
            found.insert(layer, chains);
        }
    }
    found
}

/// The outer folder of a file; `app.rs` belongs to the layer `app`.
fn layer(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// For each use that is part of a circle, the shortest circle through it; without those whose uses are all in shorter ones.
fn chains(uses: &Uses) -> Vec<String> {
    let mut circles: Vec<Vec<&str>> = Vec::new();
    for (from, used) in uses {
        circles.extend(used.keys().filter_map(|to| way(uses, to, from)));
    }
    circles.sort_by_key(|circle| (circle.len(), rotated(circle)));
    let mut covered = BTreeSet::new();
    let mut chains = Vec::new();
    for circle in circles {
        let circle = rotated(&circle);
        let steps: Vec<_> = (0..circle.len()).map(|at| (circle[at], circle[(at + 1) % circle.len()])).collect();
        if steps.iter().any(|step| covered.insert(*step)) {
            covered.extend(steps.iter().copied());
            let steps = steps.iter().map(|(from, to)| format!(" -> {to} ({})", uses[from][to]));
            chains.push(format!("{}{}", circle[0], steps.collect::<String>()));
        }
    }
    chains
}

/// The circle, starting at the first of its files by name.
fn rotated<'a>(circle: &[&'a str]) -> Vec<&'a str> {
    let first = (0..circle.len()).min_by_key(|at| circle[*at]).unwrap_or(0);
    [&circle[first..], &circle[..first]].concat()
}

/// The shortest way from a file to another along its uses.
fn way<'a>(uses: &Uses<'a>, from: &'a str, to: &'a str) -> Option<Vec<&'a str>> {
    let mut reached_by = BTreeMap::from([(from, from)]);
    let mut waiting = VecDeque::from([from]);
    while let Some(file) = waiting.pop_front() {
        if file == to {
            let mut way = vec![to];
            while way[way.len() - 1] != from {
                way.push(reached_by[way[way.len() - 1]]);
            }
            way.reverse();
            return Some(way);
        }
        for next in uses.get(file).into_iter().flat_map(BTreeMap::keys) {
            reached_by.entry(next).or_insert_with(|| {
                waiting.push_back(next);
                file
            });
        }
    }
    None
}

mod tests {
    use super::*;

    /// The circles of a small tree, each file with its path and text.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        circles(&Tree::new(files)).into_values().flatten().collect()
    }

    #[test]
    fn every_form_of_use_counts() {
        for text in [
            "use super::b::B;",
            "use crate::l::b::B;",
            "use super::{b::{self as other, B}, c};",
            "use super::b;\nfn f() { b::f() }",
            "use super::*;\nfn f() { b::f() }",
            "use super::b::*;",
            "fn f() -> super::b::B { todo!() }",
            "mod inner { use super::super::b::B; }",
            "fn f() { assert!(super::b::f()) }",
            "macro_rules! m { ($x:ident) => { $crate::l::b::B::$x() } }",
            "macro_rules! m { () => { use $crate::l::{c, b::B}; } }",
            "#[serde(with = \"super::b\")] struct A;",
            "#[graphql(remote = \"super::b::B\")] struct A;",
            "#[super::b::B] struct A;",
            "use super::B;",
            "use super::Alias;",
            "use crate::l;\nfn f() { l::B }",
        ] {
            let root = ("lib.rs", "mod l;");
            let parent = ("l/mod.rs", "mod a; mod b; mod c; pub use b::B; pub use b::B as Alias;");
            let other = ("l/b.rs", "use super::a;\npub struct B;\nfn f() { a::made() }");
            let circles = found(&[root, parent, ("l/a.rs", text), other, ("l/c.rs", "")]);
            assert_eq!(circles.len(), 1, "{text}: {circles:?}");
            assert!(
                circles[0].starts_with("l/a.rs -> l/b.rs (") && circles[0].ends_with(") -> l/a.rs (made)"),
                "{circles:?}"
            );
        }
    }

    #[test]
    fn a_module_that_only_passes_on_is_no_part_of_a_circle() {
        let parent = "mod a;\nmod b;\npub use a::A;\npub(crate) use b::B;";
        let files = |parent| {
            [
                ("lib.rs", "mod l;"),
                ("l/mod.rs", parent),
                ("l/a.rs", "pub struct A;"),
                ("l/b.rs", "use super::A; pub struct B;"),
            ]
        };
        assert_eq!(found(&files(parent)), [""; 0]);
        let with_item = format!("{parent}\npub fn f(b: B) {{}}");
        assert_eq!(found(&files(&with_item)), [""; 0]);
        let used_by_child = [files(&with_item).as_slice(), &[("l/b.rs", "use super::f; pub struct B;")]].concat();
        assert_eq!(found(&used_by_child), ["l/b.rs -> l/mod.rs (f) -> l/b.rs (B)"]);
    }

    #[test]
    fn tests_and_other_layers_do_not_count() {
        let circle_in_tests =
            "mod b;\n#[cfg(test)]\nmod tests { use super::b::B; }\n#[cfg(test)]\nuse b::B;\npub fn f() {}";
        assert_eq!(
            found(&[("lib.rs", "mod a;"), ("a.rs", circle_in_tests), ("a/b.rs", "use super::f; struct B;")]),
            [""; 0]
        );
        let test_file = ("a/tests.rs", "use super::{f, g}; pub struct B;");
        assert_eq!(
            found(&[("lib.rs", "mod a;"), ("a.rs", "#[cfg(test)]\nmod tests;\nfn f(b: tests::B) {}"), test_file]),
            [""; 0]
        );
        let layers = [("a.rs", "use crate::b::B; pub struct A;"), ("b.rs", "use crate::a::A; pub struct B;")];
        assert_eq!(found(&[&[("lib.rs", "mod a; mod b;")], layers.as_slice()].concat()), [""; 0]);
    }

    #[test]
    fn a_chain_names_each_file_and_what_is_used() {
        let files = [
            ("lib.rs", "mod l;"),
            ("l/mod.rs", "mod a; mod b; mod c; mod d;"),
            ("l/a.rs", "use super::b::B; pub struct A; macro_rules! m { () => {} } pub(crate) use m;"),
            ("l/b.rs", "use super::c::*; made!(B);"),
            ("l/c.rs", "use super::a::m; use super::d::D; pub struct C;"),
            ("l/d.rs", "use super::c::C; pub struct D;"),
        ];
        let expected = ["l/c.rs -> l/d.rs (D) -> l/c.rs (C)", "l/a.rs -> l/b.rs (B) -> l/c.rs (*) -> l/a.rs (m)"];
        assert_eq!(found(&files), expected);
    }
}
