//! A server whose database or bus is away: at the start, and later.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use mongodb::bson::doc;

use crate::{
    cli_process::{Running, assert_refused, orderwire, run},
    cluster::redis_server::RedisServer,
    support::{port::free_port, wait_until},
};

const SOON: Duration = Duration::from_secs(60);

/// A replica set of one, of the test's own.
struct Mongod {
    process: Child,
    _data: tempfile::TempDir,
}

impl Mongod {
    /// Returns once it takes writes.
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
        let admin = mongodb::Client::with_uri_str(&url).await.unwrap().database("admin");
        let member = doc! { "_id": 0, "host": format!("127.0.0.1:{port}") };
        let initiate = doc! { "replSetInitiate": { "_id": "rs0", "members": [member] } };
        admin.run_command(initiate).await.unwrap();
        wait_until("a primary", SOON, async || {
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

/// A server that is to use MongoDB at `port`.
fn with_mongodb(folder: &tempfile::TempDir, port: u16) -> Command {
    let mut command = orderwire(folder.path(), &["serve", "--set", "database.mongodb_server_selection_timeout=500ms"]);
    command.env("BIND", "127.0.0.1:0").env("METRICS_BIND", "off");
    command.env("DATABASE_URL", format!("mongodb://ann:hush@127.0.0.1:{port}/x?replicaSet=rs0"));
    command
}

fn url(line: &str) -> String {
    line[line.find("http://").unwrap()..].split(['"', ' ']).next().unwrap().to_owned()
}

/// Status and body of `/readyz`.
async fn ready(url: &str) -> (u16, String) {
    let answer = reqwest::get(format!("{url}/readyz")).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn mongodb_is_waited_for_and_then_its_loss_is_told() {
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
    wait_until("not ready", SOON, async || ready(&url).await.0 == 503).await;
    let (_, body) = ready(&url).await;
    assert!(body.contains("storage: the database does not answer"), "{body}");
    // The feed cannot read either, but only after a while is it told.
    wait_until("the feed is told", SOON, async || ready(&url).await.1.contains("feed: the event log was not read"))
        .await;
}

#[tokio::test]
async fn redis_is_waited_for_and_then_its_loss_impairs_only() {
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
    wait_until("it is told", SOON, async || ready(&url).await.1 != "ok\n").await;
    let (status, body) = ready(&url).await;
    assert!(status == 200 && body.starts_with("ok\nimpaired: bus: no connection to Redis"), "{status} {body}");
    redis.start_again();
    wait_until("all is well again", SOON, async || ready(&url).await == (200, "ok\n".to_owned())).await;
}

#[test]
fn a_signal_ends_the_wait_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(with_mongodb(&folder, free_port()));
    server.line("waiting for MongoDB");
    let asked = Instant::now();
    server.signal("TERM");
    let (status, told) = server.end();
    assert_eq!(status.code(), Some(0), "{told}");
    assert!(asked.elapsed() < Duration::from_secs(20), "it took {:?}", asked.elapsed());
    assert!(!told.contains("hush"), "{told}");
}

#[test]
fn the_wait_has_an_end() {
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
    // What waiting does not mend is told at once.
    let asked = Instant::now();
    let output = run(folder.path(), &["serve", "--database-url", "sqlite://missing/x.db", "--bind", "127.0.0.1:0"]);
    assert_refused(&output, 1, "cannot use the database: missing/x.db");
    assert!(asked.elapsed() < Duration::from_secs(30));
}
