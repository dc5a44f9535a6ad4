//! The documentation: links lead somewhere, code and decisions name each other, and the tests that
//! `docs/architecture.md` and `docs/reliability.md` name exist.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const DECISIONS: &str = "docs/decisions";
const ARCHITECTURE: &str = "docs/architecture.md";
const RELIABILITY: &str = "docs/reliability.md";

/// All files with this extension in a folder and the folders inside it, without installed packages and hidden folders.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "node_modules" && name != "target" {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text without its code blocks.
fn prose(markdown: &str) -> String {
    let mut in_code = false;
    let lines = markdown.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The targets of the links `[…](target)` to files.
fn links(markdown: &str) -> Vec<String> {
    let prose = prose(markdown);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// The anchors of the headings, as GitHub makes them.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let prose = prose(markdown);
    let headings = prose.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let letters = |heading: &str| {
        let lower = heading.to_lowercase();
        let kept = lower.chars().filter(|letter| letter.is_alphanumeric() || "-_ ".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    headings.map(letters).collect()
}

/// The words between backticks.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

#[test]
fn every_link_between_files_resolves() {
    let mut broken = Vec::new();
    for page in files(".", "md") {
        for link in links(&read(&page)) {
            let (target, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if target.is_empty() { page.clone() } else { page.parent().unwrap().join(target) };
            let found = target.exists() && (anchor.is_empty() || anchors(&read(&target)).contains(anchor));
            if !found {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

#[test]
fn decisions_and_the_code_that_carries_them_name_each_other() {
    let mut wrong = Vec::new();
    let mut named = BTreeSet::new();
    let sources: Vec<(PathBuf, String)> =
        files("src", "rs").into_iter().map(|path| (path.clone(), read(path))).collect();
    for (path, source) in &sources {
        for rest in source.split("docs/decisions/").skip(1) {
            let record = rest.split(|letter: char| !letter.is_ascii_alphanumeric() && !"-.".contains(letter)).next();
            let record = Path::new(DECISIONS).join(record.unwrap_or_default().trim_end_matches('.'));
            if !record.is_file() {
                wrong.push(format!("{}: there is no {}", path.display(), record.display()));
            }
            named.insert((record, path.clone()));
        }
    }
    for record in files(DECISIONS, "md") {
        let code =
            links(&read(&record)).into_iter().filter_map(|link| Some(link.strip_prefix("../../src/")?.to_owned()));
        let code: BTreeSet<PathBuf> = code.map(|link| Path::new("src").join(link)).collect();
        let naming: BTreeSet<PathBuf> =
            named.iter().filter(|(named, _)| *named == record).map(|(_, path)| path.clone()).collect();
        // The code of a record that was replaced is gone.
        let has_code = !read(&record).contains("\n*Replaced by ");
        if code.is_empty() == has_code || code != naming {
            wrong.push(format!("{}: it names {code:?}, and is named by {naming:?}", record.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The source of all tests.
fn all_tests() -> String {
    [files("src", "rs"), files("tests/it", "rs")].concat().iter().map(read).collect()
}

#[test]
fn each_row_of_the_reliability_page_has_a_command_that_exists() {
    let (page, tests) = (prose(&read(RELIABILITY)), all_tests());
    let page = page.split("## Ten minutes").next().unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|')?.rsplit_once('|'));
    let rows: Vec<_> = rows.filter(|(what, how)| !what.contains("---") && how.trim() != "tried by").collect();
    assert!(rows.len() > 20, "{} rows", rows.len());
    for (what, how) in rows {
        let exists = |name: &str| name == "scripts/chaos" || tests.contains(&format!("fn {name}("));
        let names: Vec<&str> = quoted(how).collect();
        assert!(!names.is_empty() && names.iter().all(|name| exists(name)), "{what}: {names:?}");
    }
}

#[test]
fn the_architecture_page_names_existing_files_and_tests() {
    let page = prose(&read(ARCHITECTURE));
    let tests = all_tests();
    let (mut missing, mut invariants) = (Vec::new(), 0);
    for row in page.lines().filter(|line| line.starts_with('|')) {
        let is_file =
            |word: &&str| word.trim_end_matches('/').contains('/') && (word.ends_with(".rs") || word.ends_with('/'));
        for file in quoted(row).filter(is_file).filter(|file| !file.contains('*')) {
            if !Path::new("src").join(file).exists() {
                missing.push(file.to_owned());
            }
        }
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        if let [_, number, _, _, names, _] = cells[..]
            && number.parse::<u8>().is_ok()
        {
            invariants += 1;
            let names: Vec<&str> = quoted(names).collect();
            assert!(!names.is_empty(), "an invariant without a test: {row}");
            missing
                .extend(names.iter().filter(|name| !tests.contains(&format!("fn {name}("))).map(ToString::to_string));
        }
    }
    assert_eq!(invariants, 10);
    assert!(missing.is_empty(), "{ARCHITECTURE} names what does not exist: {missing:?}");
}

#[test]
fn log_messages_quoted_for_operators_are_logged() {
    let page = read("docs/operations.md").split_whitespace().collect::<Vec<_>>().join(" ");
    let sources: String = files("src", "rs").iter().map(read).collect();
    for message in [
        "not ready",
        "the event log can't be read",
        "a job could not be done",
        "the event log has lost entries",
        "the sequencer can't number",
        "Redis may delete rate limits",
    ] {
        assert!(page.contains(&format!("`{message}`")), "docs/operations.md does not quote `{message}`");
        assert!(sources.contains(message), "nothing logs `{message}`");
    }
}
