//! A server whose database or Redis is unreachable, at start and later.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use ::mongodb::bson::doc;

use crate::{
    cli_process::{Running, assert_refused, orderwire, run},
    cluster::redis_server::RedisServer,
    support::{port::free_port, stopwatch::Stopwatch, wait_until},
};

const TIMEOUT: Duration = Duration::from_secs(60);

/// A MongoDB server of one test: a replica set with one member.
struct Mongod {
    process: Child,
    _data: tempfile::TempDir,
}

impl Mongod {
    /// Starts the server and returns once it accepts writes.
    async fn start(port: u16) -> Self {
        let program = std::env::var("ORDERWIRE_TEST_MONGOD").expect("ORDERWIRE_TEST_MONGOD is the path of a mongod");
        let data = tempfile::tempdir().unwrap();
        let process = Command::new(program)
            .args(["--replSet", "rs0", "--bind_ip", "127.0.0.1", "--nounixsocket", "--port", &port.to_string()])
            .arg("--dbpath")
            .arg(data.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let started = Self { process, _data: data };
        let url = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
        let admin = ::mongodb::Client::with_uri_str(&url).await.unwrap().database("admin");
        let member = doc! { "_id": 0, "host": format!("127.0.0.1:{port}") };
        let initiate = doc! { "replSetInitiate": { "_id": "rs0", "members": [member] } };
        admin.run_command(initiate).await.unwrap();
        wait_until("a primary", TIMEOUT, async || {
            admin
                .run_command(doc! { "hello": 1 })
                .await
                .is_ok_and(|hello| hello.get_bool("isWritablePrimary").is_ok_and(|is| is))
        })
        .await;
        started
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

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

    #[tokio::test]
    async fn the_server_waits_for_redis_and_its_loss_only_impairs() {
        let folder = tempfile::tempdir().unwrap();
        let mut redis = RedisServer::start();
        redis.kill();
        let mut command = orderwire(folder.path(), &["serve", "--set", "redis.connect_timeout=500ms"]);
        command.env("BIND", "127.0.0.1:0").env("METRICS_BIND", "off").env("REDIS_URL", redis.url());
        let mut server = Running::start(command);
        server.line("waiting for Redis");
        redis.start_again();
        server.line("Redis is there");
        let url = url(&server.line("listening on http://"));
        assert_eq!(ready(&url).await, (200, "ok\n".to_owned()));
        redis.kill();
        wait_until("readiness reports the loss", TIMEOUT, async || ready(&url).await.1 != "ok\n").await;
        let (status, body) = ready(&url).await;
        assert!(status == 200 && body.starts_with("ok\nimpaired: bus: no connection to Redis"), "{status} {body}");
        redis.start_again();
        wait_until("ready without impairment", TIMEOUT, async || ready(&url).await == (200, "ok\n".to_owned())).await;
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
