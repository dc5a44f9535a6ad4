//! `orderwire serve`: starting, refusing to start, stopping.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    cli_process::{Running, TIMEOUT, assert_refused, graphql, orderwire, run, stderr, stdout},
    support::{port::free_port, stopwatch::Stopwatch},
};

#[tokio::test]
async fn serve_answers_soon_and_stops_on_sigterm_within_the_grace_period() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        let mut command = orderwire(folder.path(), &["serve", "--set", "server.grace_period=60s"]);
        command.env("JWT_SECRET", "q7Zt0Vw2mXc9Rb4KfYh6Jd8Ls1Np3GaE");
        let (server, address) = Running::server(command);
        for path in ["/healthz", "/readyz", "/"] {
            let answer = reqwest::get(format!("{address}{path}")).await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
        }
        let answer = graphql(&address, None, "{ products { nodes { id } } }", json!({})).await;
        assert_eq!(answer, json!({ "data": { "products": { "nodes": [] } } }));

        let asked = Stopwatch::start();
        server.signal(signal);
        let (status, printed) = server.end();
        assert_eq!(status.code(), Some(0), "{printed}");
        assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
        assert!(!printed.contains("no JWT_SECRET is set"), "{printed}");
    }
}

#[tokio::test]
async fn serve_warns_that_it_generated_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start({
        let mut command = orderwire(folder.path(), &["serve"]);
        command.env("BIND", "127.0.0.1:0");
        command
    });
    server.line("no JWT_SECRET is set");
}

#[tokio::test]
async fn production_turns_off_introspection_and_ui_and_logs_json() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = orderwire(folder.path(), &["serve", "--bind", "127.0.0.1:0"]);
    command.env("ORDERWIRE_ENV", "production").env("JWT_SECRET", "q7Zt0Vw2mXc9Rb4KfYh6Jd8Ls1Np3GaE");
    let mut server = Running::start(command);
    let line: serde_json::Value = serde_json::from_str(&server.line("listening on")).unwrap();
    let address = format!("http://{}", line["address"].as_str().unwrap());
    let answer = graphql(&address, None, "{ __schema { queryType { name } } }", json!({})).await;
    assert!(answer["data"]["__schema"].is_null(), "{answer}");
    for path in ["/", "/schema.graphql"] {
        assert_eq!(reqwest::get(format!("{address}{path}")).await.unwrap().status(), 404, "{path}");
    }
}

#[test]
fn production_without_a_secret_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let output = orderwire(folder.path(), &["serve"]).env("ORDERWIRE_ENV", "production").output().unwrap();
    assert_refused(&output, 1, "auth.jwt_secret: is required in production (JWT_SECRET)");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing was made");
}

#[test]
fn serve_names_an_unusable_setting_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("garbage.db"), [0xA5; 5000]).unwrap();
    std::fs::create_dir(folder.path().join("folder.db")).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let unused = "127.0.0.1:1";
    let mongodb = format!("mongodb://ann:hush@{unused}/x");
    for (setting, message) in [
        ("database.url=postgres://ann:hush@db/x", "database.url (command line): must be sqlite://FILE"),
        ("database.url=orderwire.db", "database.url (command line): must be sqlite://FILE"),
        ("database.url=sqlite://missing/orderwire.db", "cannot use the database: missing/orderwire.db"),
        ("database.url=sqlite://garbage.db", "cannot use the database: garbage.db"),
        ("database.url=sqlite://folder.db", "cannot use the database: folder.db"),
        ("database.url=sqlite:///proc/orderwire.db", "cannot use the database: /proc/orderwire.db"),
        (&format!("database.url={mongodb}"), "cannot use the database: "),
        (&format!("server.bind={taken}"), &format!("cannot listen on {taken}")),
        ("auth.private_key_file=missing.key", "auth.public_key_file: is needed"),
    ] {
        let mut arguments = vec!["serve", "--set", setting];
        for quick in ["database.mongodb_server_selection_timeout=200ms", "server.start_wait=0s"] {
            arguments.extend(["--set", quick]);
        }
        if !setting.contains("bind") {
            arguments.extend(["--bind", "127.0.0.1:0"]);
        }
        let output = run(folder.path(), &arguments);
        assert_refused(&output, 1, message);
        assert!(!stderr(&output).contains("hush"), "{}", stderr(&output));
    }
    assert_eq!(std::fs::read(folder.path().join("garbage.db")).unwrap(), [0xA5; 5000], "it is left as it was");
}

#[test]
fn files_without_a_signing_key_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.pem"), "not a key").unwrap();
    let set = |name: &str, file: &str| format!("auth.{name}_key_file={file}");
    for (file, message) in [("a.pem", "cannot sign access tokens"), ("missing.pem", "cannot read missing.pem")] {
        let (private, public) = (set("private", file), set("public", file));
        let output = run(folder.path(), &["serve", "--bind", "127.0.0.1:0", "--set", &private, "--set", &public]);
        assert_refused(&output, 1, message);
    }
}

#[test]
fn health_reports_readiness_by_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let command = orderwire(folder.path(), &["serve", "--set", "server.handover=5s"]);
    let (server, address) = Running::server(command);
    let port = address.rsplit_once(':').unwrap().1;
    for command in [
        orderwire(folder.path(), &["health"]).env("PORT", port),
        orderwire(folder.path(), &["health"]).env("BIND", format!("127.0.0.1:{port}")),
        orderwire(folder.path(), &["health", "--url", &address]).env("BIND", "127.0.0.1:1"),
    ] {
        let output = command.output().unwrap();
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), "ready\n"), "{}", stderr(&output));
    }
    server.signal("TERM");
    let deadline = Instant::now() + TIMEOUT;
    let mut output = run(folder.path(), &["health", "--url", &address]);
    while output.status.success() && Instant::now() < deadline {
        output = run(folder.path(), &["health", "--url", &address]);
    }
    assert_refused(&output, 1, "/readyz answers 503 Service Unavailable: the server is stopping");
}

#[test]
fn health_names_its_failure_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://127.0.0.1:{}", free_port());
    assert_refused(&run(folder.path(), &["health", "--url", &url]), 1, &format!("{url} does not answer: "));
    assert_refused(&run(folder.path(), &["health", "--set", "server.bind=127.0.0.1:0"]), 1, "say which with --url");
    for url in ["https://localhost", "localhost:8080", "http://localhost/readyz", "http://"] {
        let output = run(folder.path(), &["health", "--url", url]);
        assert_eq!(output.status.code(), Some(2), "{url}");
        assert!(stderr(&output).contains("must be http://HOST:PORT"), "{}", stderr(&output));
    }
}
