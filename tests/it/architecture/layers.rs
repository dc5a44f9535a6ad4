//! The dependency rule of `src/lib.rs`: which parts of the source may name which others, and which crates.

use std::{collections::BTreeSet, path::Path as FilePath};

use super::{
    source::{Meaning, Source},
    tree::module_of,
};

/// Each part of the source, and the parts it may name besides itself. A file belongs to the longest that fits.
const PARTS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("fairness", &["domain"]),
    ("storage", &["storage::near_cache", "fairness", "domain", "telemetry"]),
    ("storage::near_cache", &["storage", "fairness", "domain", "telemetry"]),
    ("storage::sqlite", &["storage", "fairness", "domain", "telemetry"]),
    ("storage::mongo", &["storage", "fairness", "domain", "telemetry"]),
    ("cluster", &["fairness", "domain", "telemetry"]),
    ("cluster::local", &["cluster", "domain", "telemetry"]),
    ("cluster::redis", &["cluster", "cluster::local", "fairness", "domain", "telemetry"]),
    ("auth", &["fairness", "domain", "telemetry"]),
    ("outbound", &["domain"]),
    ("outbound::rabbitmq", &["outbound", "domain"]),
    ("outbound::kafka", &["outbound", "domain"]),
    ("service", &["storage", "cluster", "auth", "outbound", "fairness", "domain", "telemetry"]),
    ("graphql", &["graphql::engine", "graphql::schema", "service", "domain", "telemetry"]),
    ("graphql::engine", &["service", "fairness", "domain", "telemetry"]),
    ("graphql::schema", &["graphql::engine", "service", "domain", "telemetry"]),
    ("http", &["graphql", "fairness", "domain", "telemetry"]),
    ("jobs", &["service", "domain", "telemetry"]),
    ("config", &["domain"]),
    ("telemetry", &[]),
    ("cli", &["app", "config", "service", "domain", "graphql", "telemetry"]),
    (
        "app",
        &[
            "domain",
            "storage",
            "storage::sqlite",
            "storage::mongo",
            "cluster",
            "cluster::local",
            "cluster::redis",
            "auth",
            "outbound",
            "outbound::rabbitmq",
            "outbound::kafka",
            "service",
            "graphql",
            "http",
            "jobs",
            "config",
            "telemetry",
        ],
    ),
];

/// What `main.rs` and `lib.rs` may name.
const ROOT: &[&str] = &["cli"];

/// Crates that only some parts may name.
const CRATES: &[(&str, &[&str])] = &[
    ("rusqlite", &["storage::sqlite"]),
    ("mongodb", &["storage::mongo"]),
    ("bson", &["storage::mongo"]),
    ("redis", &["cluster::redis"]),
    ("lapin", &["outbound::rabbitmq"]),
    ("async_rs", &["outbound::rabbitmq"]),
    ("rskafka", &["outbound::kafka"]),
    ("async_graphql", &["graphql", "graphql::engine", "graphql::schema", "http"]),
    ("async_graphql_axum", &["graphql", "graphql::engine", "graphql::schema", "http"]),
    ("axum", &["http", "app", "cli"]),
    ("prometheus_client", &["telemetry"]),
];

/// The part that a path lies in; `None` for the root and for what the table doesn't know.
fn part_of(path: &[String]) -> Option<&'static str> {
    let fits = |part: &str| part.split("::").enumerate().all(|(at, name)| path.get(at).is_some_and(|own| own == name));
    PARTS.iter().map(|(part, _)| *part).filter(|part| fits(part)).max_by_key(|part| part.len())
}

/// What the file that is `module` names although it must not.
pub fn violations(module: &[String], source: &Source) -> BTreeSet<String> {
    let part = part_of(module);
    let (name, allowed) = match (part, module) {
        (None, []) => ("the root", ROOT),
        (None, _) => return BTreeSet::from([format!("{} is not in the table of parts", module.join("::"))]),
        (Some(part), _) => (part, PARTS.iter().find(|(name, _)| *name == part).unwrap().1),
    };
    let violation = |meaning| match meaning {
        Meaning::Own(path) => match part_of(&path) {
            None if path == module && part.is_none() => None,
            None => Some(format!("{name} names crate::{}, which is in no part", path.join("::"))),
            Some(other) if Some(other) == part || allowed.contains(&other) => None,
            Some(other) => Some(format!("{name} must not name {other} (crate::{})", path.join("::"))),
        },
        Meaning::Foreign(first) => {
            let (_, parts) = CRATES.iter().find(|(guarded, _)| *guarded == first)?;
            (!part.is_some_and(|part| parts.contains(&part))).then(|| format!("{name} must not name the crate {first}"))
        }
    };
    source.meanings().filter_map(violation).collect()
}

/// Whether a file lies in a folder that is missing from the table, below a part that is divided into parts.
pub fn is_in_unknown_folder(file: &FilePath) -> bool {
    let folder = module_of(file.parent().unwrap());
    let divided = PARTS.iter().any(|(part, _)| {
        part.split_once("::").is_some_and(|(outer, _)| folder.first().is_some_and(|first| first == outer))
    });
    divided && folder.len() > 1 && part_of(&folder).is_none_or(|part| !part.contains("::"))
}

mod tests {
    use super::*;

    fn wrong(module: &str, source: &str) -> bool {
        let module: Vec<String> = module.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
        !violations(&module, &Source::parse(source, &module)).is_empty()
    }

    #[test]
    fn refuses_forbidden_names_in_every_form() {
        for (module, source) in [
            ("domain::order", "use crate::storage::Store;"),
            ("domain", "fn f() -> crate::storage::Result<()> { Ok(()) }"),
            ("domain", "pub use crate::{\n    service::{self, Orders},\n};"),
            ("domain", "impl crate::cluster::EventBus for X {}"),
            ("domain", "macro_rules! m { () => { $crate::auth::check() } }"),
            ("domain::a::b", "use super::super::super::storage::Store;"),
            ("storage::sqlite", "use super::mongo::MongoStore;"),
            ("storage::sqlite::order", "use crate::{domain::{Order, Task}, storage::{Store, mongo}};"),
            ("storage", "mod sqlite;\npub use sqlite::SqliteStore;"),
            ("storage", "mod mongo;\nfn f() { mongo::open() }"),
            ("service::order", "use crate::storage;\nfn f() { storage::sqlite::SqliteStore::open() }"),
            ("service", "use crate::storage as s;\nfn f() { s::mongo::MongoStore::open() }"),
            ("service", "use crate::graphql::Schema;"),
            ("graphql::order", "use crate::storage::Store;"),
            ("graphql", "use crate::auth::Tokens;"),
            ("graphql::engine", "use super::schema::Query;"),
            ("graphql::engine::live", "use crate::graphql::{engine::execute, schema::order::OrderObject};"),
            ("graphql::engine::document", "fn f() -> crate::graphql::schema::Root { todo!() }"),
            ("http", "use crate::auth::Tokens;"),
            ("http", "/* */ use crate::storage::Store; // allowed?"),
            ("http", "mod inner { use super::super::cluster::EventBus; }"),
            ("jobs", "use crate::http::Router;"),
            ("cli::serve", "use crate::storage::sqlite::SqliteStore;"),
            ("config", "use crate::app::App;"),
            ("", "use orderwire::app::App;"),
            ("service", "use crate::*;"),
            ("service", "use crate::unheard_of::X;"),
            ("service", "#[cfg(test)] fn a() {} use crate::http::X;"),
        ] {
            assert!(wrong(module, source), "{module}: {source}");
        }
    }

    #[test]
    fn refuses_drivers_outside_their_engines() {
        for (module, source) in [
            ("service", "use rusqlite::Connection;"),
            ("storage", "use ::mongodb::Client;"),
            ("storage::sqlite", "fn f(document: bson::Document) {}"),
            ("service", "use redis;"),
            ("cluster::local", "fn f() { redis::cmd(\"GET\") }"),
            ("service::order", "#[async_graphql::Object] impl X {}"),
            ("graphql", "use axum::{Router, routing::get};"),
        ] {
            assert!(wrong(module, source), "{module}: {source}");
        }
        for (module, source) in [
            ("storage::sqlite::order", "use rusqlite::Connection;"),
            ("storage::mongo", "use mongodb::{Client, bson::doc}; fn f() { bson::doc!() }"),
            ("cluster::redis::link", "use redis::Client;"),
            ("cluster", "pub mod redis;\npub mod local;"),
            ("app", "use crate::cluster::redis;\nfn f() { redis::RedisBus::connect() }"),
            ("http::graphql", "use axum::Router; use async_graphql::Request;"),
        ] {
            assert!(!wrong(module, source), "{module}: {source}");
        }
    }

    #[test]
    fn the_table_names_only_parts_it_has() {
        let known: Vec<&str> = PARTS.iter().map(|(part, _)| *part).collect();
        let named = PARTS.iter().chain(CRATES).flat_map(|(_, parts)| *parts).chain(ROOT);
        assert!(named.into_iter().all(|part| known.contains(part)));
    }

    #[test]
    fn allows_what_the_rule_allows() {
        for (module, source) in [
            ("storage::sqlite", "use super::{Result, Store}; use crate::domain::Order;"),
            ("storage::sqlite::order", "use super::{super::StoreError, list, row::Row};"),
            (
                "service",
                "use crate::{auth, cluster::EventBus, domain::*, storage::{self, Store}}; fn f() -> storage::Result<()> {}",
            ),
            ("graphql", "use crate::{domain::Order, service::Orders};"),
            ("graphql::schema::order", "use crate::graphql::engine::json::Plan;"),
            ("graphql", "use self::{engine::Endpoint, schema::Query};"),
            ("app", "use crate::{storage::{mongo::MongoStore, sqlite::SqliteStore}, http};"),
            ("", "mod storage; pub mod domain; fn main() { orderwire::cli::run() }"),
            (
                "domain",
                "//! crate::storage\n/// [`crate::storage::Store`]\n/* use crate::cluster::X; /* */ crate::cluster::Y */ const A: &str = \"crate::auth::X\";",
            ),
            (
                "domain",
                "const A: &str = r#\"\" crate::auth::X\"#; const B: char = '\"'; const C: u8 = b'\\''; fn f<'a>(x: &'a str) {} // '",
            ),
            (
                "domain",
                "#[cfg(test)]\nmod tests {\n    use crate::storage::Store;\n    fn f() { if x {} }\n}\nstruct A;",
            ),
            ("domain", "#[cfg(test)] #[path = \"x\"] use crate::{storage::Store};\nfn f() {}"),
            ("service", "pub(crate) fn f() -> impl Send + use<> { Self::g::<u8>() }"),
        ] {
            assert!(!wrong(module, source), "{module}: {source}");
        }
    }

    #[test]
    fn knows_every_folder() {
        assert!(wrong("payments::card", ""), "a new layer");
        assert!(is_in_unknown_folder(FilePath::new("storage/postgres/mod.rs")), "a new engine");
        assert!(is_in_unknown_folder(FilePath::new("cluster/nats/mod.rs")));
        for file in ["storage/sqlite/order.rs", "storage/order.rs", "graphql/schema/order/types.rs", "lib.rs"] {
            assert!(!is_in_unknown_folder(FilePath::new(file)), "{file}");
        }
    }
}
