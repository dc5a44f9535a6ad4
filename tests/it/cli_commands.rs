//! The commands that run to completion: help, schema, check-config, user.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use orderwire::{
    app::open_store,
    config::{Config, Database, DatabaseUrl},
    domain::{Job, JobKind, Timestamp},
};
use serde_json::json;

use crate::cli_process::{Running, assert_refused, login, orderwire, run, run_with_input, stderr, stdout};

#[test]
fn help_names_every_option_of_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for (command, words) in [
        (
            &["--help"][..],
            &[
                "demo",
                "serve",
                "health",
                "import",
                "export",
                "user",
                "jobs",
                "log",
                "adopt-database",
                "shard-plan",
                "schema",
                "check-config",
                "--config",
            ][..],
        ),
        (&["demo", "--help"], &["--data", "--every", "--quiet-orders", "--bind"]),
        (&["serve", "--help"], &["--bind", "--database-url", "--set"]),
        (&["health", "--help"], &["--url"]),
        (&["import", "--help"], &["online-retail", "jira", "jsonl"]),
        (&["import", "jsonl", "--help"], &["--rejects", "password", "again"]),
        (&["export", "--help"], &["users", "products", "orders", "tasks", "--format", "--output", "cursor"]),
        (&["import", "online-retail", "--help"], &["--stock", "--rejects"]),
        (&["import", "jira", "--help"], &["--created-by", "--rejects"]),
        (&["user", "create", "--help"], &["--email", "--name", "--role", "--password-stdin", "customer"]),
        (&["jobs", "--help"], &["list", "retry", "discard"]),
        (&["jobs", "list", "--help"], &["--status", "--kind", "--limit"]),
        (&["log", "--help"], &["new-epoch"]),
        (&["log", "new-epoch", "--help"], &["backup", "CURSOR_EXPIRED", "--database-url"]),
        (&["adopt-database", "--help"], &["key", "--database-url"]),
        (&["schema", "--help"], &["schema"]),
        (&["check-config", "--help"], &["--example"]),
    ] {
        let output = run(folder.path(), command);
        assert!(output.status.success(), "{command:?}");
        for word in words {
            assert!(stdout(&output).contains(word), "{word} is not in the help of {command:?}");
        }
    }
    assert!(stdout(&run(folder.path(), &["--version"])).starts_with("orderwire "));
}

#[test]
fn wrong_usage_exits_with_code_2() {
    let folder = tempfile::tempdir().unwrap();
    for command in [&[][..], &["fly"], &["serve", "--fast"], &["serve", "--set", "x"], &["user", "create"]] {
        let output = run(folder.path(), command);
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert!(!stderr(&output).is_empty());
    }
}

#[test]
fn schema_prints_the_schema_and_tolerates_a_closed_pipe() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(stdout(&run(folder.path(), &["schema"])), orderwire::graphql::sdl());

    let mut command = orderwire(folder.path(), &["schema"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn shard_plan_prints_commands_for_the_configured_database_and_needs_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let plan = run(folder.path(), &["shard-plan", "--database-url", "mongodb://ann:hush@127.0.0.1:1/shop"]);
    let printed = stdout(&plan);
    assert!(plan.status.success() && !printed.contains("hush"), "{printed}{}", stderr(&plan));
    assert!(printed.contains("sh.shardCollection(\"shop.orders\", { region: 1, customer: 1, _id: 1 });"), "{printed}");
    let refused = run(folder.path(), &["shard-plan"]);
    assert!(!refused.status.success() && stderr(&refused).contains("mongodb://"), "{}", stderr(&refused));
}

#[test]
fn check_config_shows_each_setting_with_its_source_and_no_secrets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("orderwire.toml"), "[feed]\npage = 7\n").unwrap();
    let mut command = orderwire(folder.path(), &["check-config", "--set", "feed.recent=8"]);
    command.env("JWT_SECRET", "hush-q7Zt0Vw2mXc9Rb4KfYh6Jd8Ls1Np3GaE").env("DATABASE_URL", "mongodb://a:hush@b/c");
    let output = command.output().unwrap();
    assert!(output.status.success());
    let (shown, printed) = (stdout(&output), stderr(&output));
    assert!(!shown.contains("hush") && !printed.contains("hush"), "{shown}{printed}");
    let line = |key: &str| {
        let line = shown.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("no {key} in {shown}"));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("feed.page"), "feed.page = 7 [orderwire.toml]");
    assert_eq!(line("feed.recent"), "feed.recent = 8 [command line]");
    assert_eq!(line("auth.jwt_secret"), "auth.jwt_secret = \"***\" [JWT_SECRET]");
    assert_eq!(line("database.url"), "database.url = \"mongodb://a:***@b/c\" [DATABASE_URL]");
    assert_eq!(line("server.ui"), "server.ui = true [default]");
}

#[test]
fn check_config_reports_all_problems_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.toml"), "[feed]\npages = 7\n[server]\nbind = 5\n").unwrap();
    let output = run(folder.path(), &["--config", "x.toml", "check-config"]);
    assert_eq!(output.status.code(), Some(1));
    let printed = stderr(&output);
    assert!(
        printed.contains("error: feed.pages (x.toml): ") && printed.contains("error: server.bind (x.toml): "),
        "{printed}"
    );

    std::fs::write(folder.path().join("x.toml"), "[feed]\npage = = hush\n").unwrap();
    let output = run(folder.path(), &["check-config", "--config", "x.toml"]);
    assert_refused(&output, 1, "x.toml, line 2: ");
    assert!(!stderr(&output).contains("hush"));
    assert_refused(&run(folder.path(), &["serve", "--config", "none.toml"]), 1, "cannot read none.toml");
}

/// Whatever can be known without a connection, `check-config` reports as well, in the same words.
#[test]
fn check_config_refuses_what_serve_would() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("no.pem"), "hush").unwrap();
    std::fs::write(folder.path().join("no.json"), "{\"hush\"").unwrap();
    let manifest = json!({
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [{ "id": "a", "name": "A", "type": "query", "body": "query A { none }" }],
    });
    std::fs::write(folder.path().join("wrong.json"), manifest.to_string()).unwrap();
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (settings, expected) in [
        (&["webhooks.encryption_keys=k1:hush"][..], "webhooks.encryption_keys: must be NAME:KEY"),
        (&[&*format!("webhooks.encryption_keys=a:{key},a:{key}")], "webhooks.encryption_keys: two keys have the same"),
        (&["rabbitmq.url=amqp://u:hush@"], "rabbitmq.url: must be amqp://"),
        (&["redis.url=redis://u:hush@h:99999"], "not a Redis URL"),
        (&["database.url=mongodb://u:hush@h:99999/shop"], "not a MongoDB URL"),
        (&["auth.private_key_file=none.pem", "auth.public_key_file=none.pem"], "cannot read none.pem"),
        (&["auth.private_key_file=no.pem", "auth.public_key_file=no.pem"], "cannot sign access tokens: "),
        (&["operations.manifest=none.json"], "operations.manifest: cannot read none.json"),
        (&["operations.manifest=no.json"], "operations.manifest: no.json: "),
        (&["operations.manifest=wrong.json"], "operations.manifest: the operation \"A\" is not valid"),
    ] {
        let refused = ["check-config", "serve"].map(|command| {
            let mut arguments = vec![command];
            arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
            let mut command = orderwire(folder.path(), &arguments);
            command.env("BIND", "127.0.0.1:0").env("METRICS_BIND", "off");
            let output = command.output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{arguments:?}");
            let error = stderr(&output).lines().find(|line| line.starts_with("error: ")).unwrap_or_default().to_owned();
            assert!(error.contains(expected), "{arguments:?}: {error}");
            assert!(!stderr(&output).contains("hush"), "{arguments:?}: {error}");
            error
        });
        assert_eq!(refused[0], refused[1]);
    }
}

#[tokio::test]
async fn jobs_are_listed_retried_and_discarded() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("orderwire.db"));
    let config = Config { database: Database { url, ..Database::default() }, ..Config::default() };
    let store = open_store(&config).await.unwrap();
    let jobs = [1, 2].map(|second| {
        Job::once(JobKind::Prune, String::new(), 3, Timestamp::from_unix_millis(1_764_000_000_000 + second * 1000))
    });
    store.insert_jobs(&jobs).await.unwrap();
    store.close().await;

    let [older, newer] = jobs.each_ref().map(|job| job.id.to_string());
    let printed = |arguments: &[&str]| {
        let output = run(folder.path(), arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        stdout(&output)
    };
    let line = |id: &str, rest: &str| format!("{id} prune {rest}\n");
    let [waiting, newer_waits] = [(&older, "01.000"), (&newer, "02.000")]
        .map(|(id, at)| line(id, &format!("WAITING   0/3 2025-11-24T16:00:{at}Z")));
    assert_eq!(printed(&["jobs", "list"]), format!("{newer_waits}{waiting}"));
    assert_eq!(
        printed(&["jobs", "list", "--limit", "1"]),
        format!("{newer_waits}there are more; --limit prints them\n")
    );
    let discarded = printed(&["jobs", "discard", &older]);
    assert!(discarded.starts_with(&line(&older, "DISCARDED 0/3 ").trim_end().to_owned()), "{discarded}");
    assert_eq!(printed(&["jobs", "list", "--status", "discarded", "--kind", "prune"]), discarded);
    assert!(
        printed(&["jobs", "retry", &older, &newer]).contains(&line(&newer, "WAITING   0/3 ").trim_end().to_owned())
    );
    assert_eq!(printed(&["jobs", "list", "--status", "discarded"]), "");

    for (arguments, code, message) in [
        (&["jobs", "list", "--kind", "mails"][..], 2, "the kinds are prune"),
        (&["jobs", "list", "--status", "late"], 2, "must be waiting, running"),
        (&["jobs", "retry", "job_1"], 2, "not a valid id"),
        (&["jobs", "retry", "job_01J9Z3NDEKTSV4RRFFQ69G5FAV"], 1, "id: does not exist"),
        (&["jobs", "list", "--database-url", "sqlite://none.db"], 1, "does not exist"),
    ] {
        assert_refused(&run(folder.path(), arguments), code, message);
    }
}

#[tokio::test]
async fn user_create_makes_an_account_that_can_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let create = |email: &str, rest: &[&str], input: &str| {
        let arguments = [&["user", "create", "--name", "Ann", "--email", email], rest].concat();
        run_with_input(folder.path(), &arguments, input)
    };
    let given = create("ann@example.com", &["--role", "admin", "--password-stdin"], "correct horse\n");
    assert!(given.status.success(), "{}", stderr(&given));
    assert!(!stdout(&given).contains("correct horse"));
    let made = create("Bob@Example.com", &["--role", "staff"], "");
    let made = stdout(&made);
    let password = made.lines().find_map(|line| line.strip_prefix("password: ")).unwrap();
    assert_eq!(password.len(), 20);

    for (output, message) in [
        (create("ann@example.com", &["--role", "admin"], ""), "email: another account has this e-mail address"),
        (create("nobody", &["--role", "admin"], ""), "email: must be an e-mail address"),
        (create("c@example.com", &["--role", "staff", "--password-stdin"], "short\n"), "password: must have 8 to 128"),
        (create("c@example.com", &["--role", "staff", "--password-stdin"], ""), "standard input has no password"),
    ] {
        assert_refused(&output, 1, message);
    }

    let (_server, address) = Running::server(orderwire(folder.path(), &["serve"]));
    let token = login(&address, "ann@example.com", "correct horse").await.unwrap();
    let me = crate::cli_process::graphql(&address, Some(&token), "{ me { role } }", json!({})).await;
    assert_eq!(me["data"]["me"]["role"], "ADMIN");
    login(&address, "bob@example.com", password).await.unwrap();
    assert_eq!(login(&address, "bob@example.com", "wrong").await.unwrap_err()[0]["code"], "BAD_CREDENTIALS");
}
