//! A server whose database or Redis is unreachable, at start and later.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    cli_process::{Running, assert_refused, orderwire, run},
    cluster::redis_server::RedisServer,
    support::{mongod::Mongod, port::free_port, stopwatch::Stopwatch, wait_until},
};

const TIMEOUT: Duration = Duration::from_secs(60);

/// The command that serves with MongoDB at `port`.
fn with_mongodb(folder: &tempfile::TempDir, port: u16) -> Command {
    let mut command = orderwire(folder.path(), &["serve", "--set", "database.mongodb_server_selection_timeout=500ms"]);
    command.env("BIND", "127.0.0.1:0").env("METRICS_BIND", "off");
    command.env("DATABASE_URL", format!("mongodb://ann:hush@127.0.0.1:{port}/x?replicaSet=rs0"));
    command
}

fn url(line: &str) -> String {
    line[line.find("http://").unwrap()..].split(['"', ' ']).next().unwrap().to_owned()
}

/// Gets status and body of `/readyz`.
async fn ready(url: &str) -> (u16, String) {
    let answer = reqwest::get(format!("{url}/readyz")).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[test]
fn a_signal_ends_the_start_wait_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(with_mongodb(&folder, free_port()));
    server.line("waiting for MongoDB");
    let asked = Stopwatch::start();
    server.signal("TERM");
    let (status, printed) = server.end();
    assert_eq!(status.code(), Some(0), "{printed}");
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
    assert!(!printed.contains("hush"), "{printed}");
}

#[test]
fn the_start_wait_times_out() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let asked = Instant::now();
    let mut command = with_mongodb(&folder, port);
    let output = command.args(["--set", "server.start_wait=2s"]).output().unwrap();
    assert_refused(
        &output,
        1,
        &format!("cannot use the database: no MongoDB primary can be reached at 127.0.0.1:{port}"),
    );
    assert!(asked.elapsed() > Duration::from_secs(2), "it took {:?}", asked.elapsed());
    // An error that waiting cannot fix is reported at once.
    let asked = Stopwatch::start();
    let output = run(folder.path(), &["serve", "--database-url", "sqlite://missing/x.db", "--bind", "127.0.0.1:0"]);
    assert_refused(&output, 1, "cannot use the database: missing/x.db");
    assert!(asked.elapsed() < Duration::from_secs(10));
}

mod redis {
    use super::*;

    /// A server that uses this Redis, and its database in `folder`.
    fn with_redis(folder: &tempfile::TempDir, url: &str) -> Command {
        let mut command = orderwire(folder.path(), &["serve", "--set", "redis.connect_timeout=500ms"]);
        command.env("BIND", "127.0.0.1:0").env("METRICS_BIND", "off").env("REDIS_URL", url);
        command
    }

    #[tokio::test]
    async fn the_absence_of_redis_only_impairs_at_start_and_later() {
        let folder = tempfile::tempdir().unwrap();
        let mut redis = RedisServer::start();
        redis.kill();
        let mut server = Running::start(with_redis(&folder, &redis.url()));
        let line = server.line("Redis is away: starting without it");
        assert!(line.contains(redis.url().trim_start_matches("redis://")), "it says where: {line}");
        let url = url(&server.line("listening on http://"));
        for _ in 0..2 {
            wait_until("readiness reports the loss", TIMEOUT, async || ready(&url).await.1 != "ok\n").await;
            let (status, body) = ready(&url).await;
            assert!(status == 200 && body.starts_with("ok\nimpaired: bus: no connection to Redis"), "{status} {body}");
            redis.start_again();
            let is_whole = async || ready(&url).await == (200, "ok\n".to_owned());
            wait_until("ready without impairment", TIMEOUT, is_whole).await;
            redis.kill();
        }
    }

    #[test]
    fn a_redis_that_refuses_the_connection_is_an_error_at_start() {
        let folder = tempfile::tempdir().unwrap();
        let redis = RedisServer::start_with(&["--requirepass", "hunter1", "--databases", "1"]);
        let address = redis.url().replace("redis://", "");
        for (url, reason) in [
            (format!("redis://{address}"), "NOAUTH"),
            (format!("redis://:hunter2@{address}"), "uthentication"),
            (format!("redis://ann:hunter2@{address}"), "uthentication"),
            (format!("redis://:hunter1@{address}/7"), "database"),
        ] {
            let output = with_redis(&folder, &url).output().unwrap();
            assert_refused(&output, 1, &format!("Redis at {address} refuses the connection: "));
            let printed = String::from_utf8(output.stderr).unwrap();
            assert!(printed.contains(reason) && !printed.contains("hunter"), "{url}: {printed}");
        }
        let output = with_redis(&folder, "http://:hunter2@cache").output().unwrap();
        assert_refused(&output, 1, "must be redis://");
    }
}

mod mongodb {
    use super::*;

    #[tokio::test]
    async fn the_server_waits_for_mongodb_and_reports_its_loss() {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut command = with_mongodb(&folder, port);
        command.env("DATABASE_URL", format!("mongodb://127.0.0.1:{port}/x?replicaSet=rs0"));
        let mut server = Running::start(command);
        let line = server.line("waiting for MongoDB");
        assert!(line.contains(&format!("127.0.0.1:{port}")), "it says where: {line}");
        let mongod = Mongod::start(port).await;
        server.line("MongoDB is there");
        let url = url(&server.line("listening on http://"));
        assert_eq!(ready(&url).await, (200, "ok\n".to_owned()));
        drop(mongod);
        wait_until("not ready", TIMEOUT, async || ready(&url).await.0 == 503).await;
        let (_, body) = ready(&url).await;
        assert!(body.contains("storage: the database does not answer"), "{body}");
        // The feed cannot read either; readiness reports that after a while.
        wait_until("readiness reports the feed", TIMEOUT, async || {
            ready(&url).await.1.contains("feed: the event log was not read")
        })
        .await;
    }
}
