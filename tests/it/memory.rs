//! The sum of the memory that a node takes at most, as `docs/operations.md` has it for the default settings. A setting or a
//! constant in the code that allows a mebibyte or more must have its place in the sum, or be named here with the reason why
//! it needs none.

use std::{collections::BTreeSet, fs, path::PathBuf};

use orderwire::config::Config;

const MIB: usize = 1024 * 1024;
const KIB: usize = 1024;
/// Processors of the machine for which the sum is given.
const PROCESSORS: usize = 4;
/// Estimated bytes of the program itself, its tasks and the system's allocator.
const PROGRAM: usize = 64 * MIB;
/// Estimated bytes of a connection: its task and the buffers of its protocol, without what it receives and sends.
const CONNECTION: usize = 12 * KIB;
/// Estimated bytes of a session whose rights are remembered.
const SESSION: usize = 256;
/// Estimated bytes of a change of what is cached, in the map and in the queue of those that are remembered.
const CHANGE: usize = 160;
/// Estimated bytes of a product in the ranking by units sold.
const SOLD_PRODUCT: usize = 100;
/// A remembered API key, with its place in the cache.
const API_KEY: usize = 256;
/// The largest part of a reply of MongoDB.
/// <https://www.mongodb.com/docs/manual/reference/limits/#mongodb-limit-BSON-Document-Size>
const REPLY: usize = 16 * MIB;

/// What takes memory, by which settings and constants, and how much.
struct Bound {
    what: &'static str,
    settings: &'static [&'static str],
    constants: Constants,
    bytes: usize,
}

type Constants = &'static [(&'static str, &'static str)];

const PAGE: (&str, &str) = ("storage/event.rs", "PAGE_BYTES");
const RECEIVED: (&str, &str) = ("http/server/incoming.rs", "UNCOUNTED");
const SENT: (&str, &str) = ("http/graphql/held_body.rs", "UNCOUNTED");

/// A line of the table.
fn bound(what: &'static str, settings: &'static [&'static str], constants: Constants, bytes: usize) -> Bound {
    Bound { what, settings, constants, bytes }
}

/// A line of the table for what these constants allow together.
fn fixed(what: &'static str, constants: Constants) -> Bound {
    bound(what, &[], constants, constants.iter().map(|(file, name)| constant(file, name)).sum())
}

/// What every node takes.
fn common(config: &Config) -> Vec<Bound> {
    let Config { server, limits, subscriptions, feed, operations, auth, cache, .. } = config;
    let of = |(file, name): (&str, &str)| constant(file, name);
    let connection = CONNECTION + of(RECEIVED) + of(SENT);
    let latest = ("graphql/engine/live/update_cache.rs", "LATEST");
    let counters = constant("fairness/counters.rs", "COUNTERS") * size_of::<usize>();
    let buckets = constant("graphql/engine/client_limits/requests.rs", "BUCKETS") * 64;
    let sessions = constant("service/caches.rs", "RIGHTS_CAPACITY") * SESSION;
    let mut updates = fixed("updates that subscribers share", &[("graphql/engine/live/update_cache.rs", "MAX_BYTES")]);
    updates.bytes += of(latest) * constant(latest.0, "LATEST_MAX_BYTES");
    vec![
        bound(
            "operations that run and answers that were not taken yet",
            &["server.answers_in_flight"],
            &[],
            server.answers_in_flight,
        ),
        bound(
            "what each of 4 processors works on: an answer that is completed, and a part of a log page",
            &["limits.answer_bytes"],
            &[PAGE],
            PROCESSORS * (limits.answer_bytes + of(PAGE)),
        ),
        bound(
            "open connections, 32 KiB each",
            &["server.max_connections"],
            &[RECEIVED, SENT],
            server.max_connections * connection,
        ),
        bound("requests that have not arrived whole", &["server.incoming_bytes"], &[], server.incoming_bytes),
        bound("open subscriptions", &["subscriptions.bytes"], &[], subscriptions.bytes),
        bound("recent events", &["feed.recent_bytes"], &[], feed.recent_bytes),
        fixed("what is on its way to the cache that nodes share", &[("cluster/redis/values.rs", "WAITING")]),
        fixed(
            "events on their way to subscribers and other nodes",
            &[
                ("storage/event.rs", "APPENDS_BYTES"),
                ("cluster/local.rs", "CAPACITY_BYTES"),
                ("cluster/redis/bus.rs", "QUEUE_BYTES"),
                ("service/feed/reorder_buffer.rs", "CAPACITY_BYTES"),
            ],
        ),
        fixed("pages of the log that subscribers have not taken yet", &[("service/feed/page_budget.rs", "PAGES")]),
        updates,
        bound(
            "what each of 100 webhooks is being sent",
            &[],
            &[],
            2 * constant("service/webhooks/manage.rs", "MOST") * constant("service/consumers/run.rs", "BATCH_BYTES"),
        ),
        bound(
            "what was read, and what has changed of it",
            &["cache.bytes"],
            &[],
            cache.bytes + 2 * CHANGE * constant("storage/near_cache/recent_changes.rs", "CHANGES"),
        ),
        bound("prepared documents", &["operations.cache"], &[], operations.cache),
        bound("registered documents", &["operations.registered"], &[], operations.registered),
        fixed("tags of public answers", &[("graphql/engine/public_answers.rs", "TAG_BYTES")]),
        fixed("rate limits", &[("cluster/rate_limits.rs", "BYTES")]),
        bound(
            "verified access tokens and API keys",
            &[],
            &[("auth/tokens/verified.rs", "BYTES")],
            constant("auth/tokens/verified.rs", "BYTES") + constant("service/caches.rs", "KEY_CAPACITY") * API_KEY,
        ),
        bound("units sold of 250,000 products", &[], &[], constant("domain/sales.rs", "MAX_PRODUCTS") * SOLD_PRODUCT),
        bound("rights of sessions, and counters of clients", &[], &[], sessions + 5 * counters + buckets),
        bound(
            "password hashes, one for each of 4 processors",
            &["auth.password_memory"],
            &[],
            PROCESSORS * auth.password_memory as usize * KIB,
        ),
        bound("the program", &[], &[], PROGRAM),
    ]
}

fn with_sqlite(config: &Config) -> Vec<Bound> {
    let Config { database, .. } = config;
    vec![
        bound("SQLite: pages, statements, sorting", &["database.sqlite_heap"], &[], database.sqlite_heap),
        bound(
            "SQLite: mapped pages, which the system can take back",
            &["database.sqlite_mmap"],
            &[],
            database.sqlite_mmap,
        ),
    ]
}

fn with_mongodb(config: &Config) -> Vec<Bound> {
    let replies = config.database.mongodb_pool_max as usize * REPLY;
    vec![bound("MongoDB: replies that arrive, 16 MiB each", &["database.mongodb_pool_max"], &[], replies)]
}

/// Settings that allow a mebibyte or more and need no place of their own in the sum.
const OTHER_SETTINGS: [(&str, &str); 9] = [
    ("server.answers_in_flight_per_client", "a part of server.answers_in_flight"),
    ("server.body_limit", "bodies count in server.incoming_bytes"),
    ("limits.loaded_bytes", "counts in server.answers_in_flight"),
    ("subscriptions.bytes_per_user", "a part of subscriptions.bytes"),
    ("subscriptions.bytes_per_address", "a part of subscriptions.bytes"),
    ("database.sqlite_page_cache", "a part of database.sqlite_heap"),
    ("operations.registered_shared", "in Redis"),
    ("limits.bytes", "documents count in server.incoming_bytes"),
    ("websocket.max_message", "messages count in server.incoming_bytes"),
];

/// Constants of a mebibyte or more that need no place of their own in the sum.
const OTHER_CONSTANTS: [(&str, &str); 8] = [
    ("http/graphql/request_body.rs MAX_DISCARDED", "discarded as it arrives"),
    ("http/websocket/transport/frames.rs DISCARD_BYTES", "discarded as it arrives"),
    ("outbound/kafka/mod.rs ANSWER_BYTES", "of the operator's own broker, which says once which topics there are"),
    ("storage/mongo/import.rs BATCH_BYTES", "not of a server"),
    ("storage/export.rs BATCH_BYTES", "not of a server"),
    ("service/import/records.rs LONGEST_RECORD", "not of a server"),
    ("service/import/jsonl/batch.rs BYTES", "not of a server"),
    ("service/import/jsonl/lines.rs LONGEST_LINE", "not of a server"),
];

/// Constants that [`common`] counts as a part of something else.
const PARTS: [&str; 2] = ["service/feed/pump.rs BATCH_BYTES", "storage/event.rs PAGE_BYTES"];

/// The value of a constant in the source: numbers, `*`, `<<`, and names of other constants of the same file are not needed.
fn constant(file: &str, name: &str) -> usize {
    let found = constants(file).into_iter().find(|(found, _)| found == name);
    found.unwrap_or_else(|| panic!("src/{file} has no constant {name} of a number")).1
}

/// The constants of numbers in a file.
fn constants(file: &str) -> Vec<(String, usize)> {
    let source = fs::read_to_string(format!("src/{file}")).unwrap_or_else(|error| panic!("src/{file}: {error}"));
    let source = source.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    let declared = source.lines().filter_map(|line| {
        let line = line.trim_start();
        let (_, rest) =
            line.split_once("const ").filter(|(before, _)| before.is_empty() || before.starts_with("pub"))?;
        let (name, rest) = rest.split_once(':')?;
        let (_, value) = rest.split_once(" = ")?;
        Some((name.to_owned(), number(value.strip_suffix(';')?)?))
    });
    declared.collect()
}

/// The value of a product of whole numbers.
fn number(text: &str) -> Option<usize> {
    let factor = |text: &str| text.trim().replace('_', "").parse::<usize>().ok();
    text.split('*').try_fold(1_usize, |product, text| {
        let value = match text.split_once("<<") {
            Some((value, bits)) => factor(value)? << factor(bits)?,
            None => factor(text)?,
        };
        product.checked_mul(value)
    })
}

fn mib(bytes: usize) -> String {
    format!("{} MiB", bytes.div_ceil(MIB))
}

fn sum(bounds: &[Bound]) -> usize {
    bounds.iter().map(|bound| bound.bytes).sum()
}

/// The lines of the table in the documentation.
fn table(bounds: &[Bound]) -> String {
    let line = |bound: &Bound| {
        let settings: Vec<String> = bound.settings.iter().map(|setting| format!("`{setting}`")).collect();
        let settings = if settings.is_empty() { "fixed".to_owned() } else { settings.join(", ") };
        format!("| {} | {settings} | {} |\n", bound.what, mib(bound.bytes))
    };
    bounds.iter().map(line).collect()
}

#[test]
fn the_documented_memory_of_a_node_is_the_sum_of_its_bounds() {
    let config = Config::default();
    let (common, sqlite, mongodb) = (common(&config), with_sqlite(&config), with_mongodb(&config));
    let expected = format!(
        "| what | setting | default |\n| --- | --- | --- |\n{}{}| **sum with SQLite** | | **{}** |\n{}| **sum with MongoDB** | | \
         **{}** |\n",
        table(&common),
        table(&sqlite),
        mib(sum(&common) + sum(&sqlite)),
        table(&mongodb),
        mib(sum(&common) + sum(&mongodb)),
    );
    let documented = fs::read_to_string("docs/operations.md").unwrap();
    assert!(documented.contains(&expected), "docs/operations.md should have:\n\n{expected}");
}

#[test]
fn every_bound_of_a_mebibyte_or_more_is_in_the_sum() {
    let config = Config::default();
    let all: Vec<Bound> =
        [common(&config), with_sqlite(&config), with_mongodb(&config)].into_iter().flatten().collect();
    let settings: BTreeSet<&str> = all
        .iter()
        .flat_map(|bound| bound.settings.iter().copied())
        .chain(OTHER_SETTINGS.iter().map(|(setting, _)| *setting))
        .collect();
    let constants_of_sum: BTreeSet<String> = all
        .iter()
        .flat_map(|bound| bound.constants.iter().map(|(file, name)| format!("{file} {name}")))
        .chain(OTHER_CONSTANTS.iter().map(|(constant, _)| (*constant).to_owned()))
        .chain(PARTS.map(str::to_owned))
        .collect();
    let mut missing = Vec::new();
    for file in source_files() {
        let path = file.strip_prefix("src/").unwrap().to_owned();
        for (name, value) in constants(&path) {
            let is_size = ["BYTES", "MEMORY", "DISCARDED", "CAPACITY", "RECORD"].iter().any(|word| name.contains(word));
            if is_size && value >= MIB && !constants_of_sum.contains(&format!("{path} {name}")) {
                missing.push(format!("the constant {name} of src/{path}"));
            }
        }
        if path.starts_with("config/") {
            let source = fs::read_to_string(&file).unwrap();
            let section = source.split("section! {").nth(1).unwrap_or_default();
            let section_name = section.split('"').nth(1).unwrap_or_default();
            for line in section.lines().map(str::trim).filter(|line| line.contains(": usize = ")) {
                let (name, rest) = line.split_once(": usize = ").unwrap();
                let value = rest.split([',', ';']).next().and_then(number).unwrap_or_default();
                let setting = format!("{section_name}.{name}");
                if value >= MIB && !settings.contains(setting.as_str()) {
                    missing.push(format!("the setting {setting}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "the sum of memory in tests/it/memory.rs leaves out: {}", missing.join(", "));
}

/// The paths of all source files.
fn source_files() -> Vec<String> {
    let (mut files, mut folders) = (Vec::new(), vec![PathBuf::from("src")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path.to_string_lossy().into_owned());
            }
        }
    }
    files.sort();
    files
}
