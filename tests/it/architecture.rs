//! The structure of `src`: which layers may name which others, and no circles between the files of a layer.
//!
//! Both rules hold for every path in the code, in macros and in attributes, except in what is compiled for tests only.

mod circles;
mod layers;
mod source;
mod tokens;
mod tree;

use std::path::Path;

use circles::circles;
use layers::{is_in_unknown_folder, violations};
use tree::Tree;

fn tree() -> Tree {
    let tree = Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(tree.files.len() > 100);
    tree
}

#[test]
fn layers_name_only_the_layers_and_crates_they_may() {
    let mut wrong = Vec::new();
    for (path, file) in &tree().files {
        if is_in_unknown_folder(Path::new(path)) {
            wrong.push(format!("src/{path}: its folder is not in the table of parts"));
        }
        wrong.extend(violations(&file.module, &file.source).iter().map(|what| format!("src/{path}: {what}")));
    }
    assert!(wrong.is_empty(), "the table `PARTS` of architecture/layers.rs forbids:\n{}", wrong.join("\n"));
}

#[test]
fn files_of_a_layer_form_no_circles() {
    let circles = circles(&tree());
    let chains: Vec<&str> = circles.values().flatten().map(String::as_str).collect();
    let list = chains.join("\n");
    assert!(chains.is_empty(), "files that use each other (in brackets: what of the file is used):\n{list}");
}
