//! MongoDB servers of one test.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use mongodb::{
    Client, Database,
    bson::{Document, doc},
};

use super::{port::free_port, wait_until};

const TIMEOUT: Duration = Duration::from_secs(60);

/// A server. Dropping it kills it.
pub struct Mongod {
    process: Child,
    /// The port that it listens on.
    pub port: u16,
    /// The database `admin`, over a connection of its own.
    pub admin: Database,
    _data: tempfile::TempDir,
}

impl Mongod {
    /// Starts a replica set with one member and returns once it accepts writes.
    pub async fn start(port: u16) -> Self {
        Self::start_with(port, &[]).await
    }

    /// The same with more arguments.
    pub async fn start_with(port: u16, arguments: &[&str]) -> Self {
        let server = Self::spawn(port, arguments).await;
        server.lead(&[]).await;
        server
    }

    /// Starts a replica set of several members, each of which can become the primary. The first one is it.
    pub async fn start_members<const N: usize>() -> [Self; N] {
        let mut members = Vec::new();
        for _ in 0..N {
            members.push(Self::spawn(free_port(), &[]).await);
        }
        let [first, others @ ..] = &*members else { panic!("a replica set has members") };
        first.lead(&others.iter().collect::<Vec<_>>()).await;
        members.try_into().unwrap_or_else(|_| unreachable!("as many as were started"))
    }

    /// The URL of the database `shop` of these members.
    pub fn url_of(members: &[Self]) -> String {
        let hosts: Vec<String> = members.iter().map(|member| format!("127.0.0.1:{}", member.port)).collect();
        format!("mongodb://{}/shop?replicaSet=rs0", hosts.join(","))
    }

    /// Starts a server that belongs to no replica set yet.
    async fn spawn(port: u16, arguments: &[&str]) -> Self {
        let program = std::env::var("ORDERWIRE_TEST_MONGOD").expect("ORDERWIRE_TEST_MONGOD is the path of a mongod");
        let data = tempfile::tempdir().unwrap();
        let process = Command::new(program)
            .args(["--replSet", "rs0", "--bind_ip", "127.0.0.1", "--nounixsocket", "--port", &port.to_string()])
            .args(["--setParameter", "enableTestCommands=1", "--wiredTigerCacheSizeGB", "0.25"])
            .args(arguments)
            .arg("--dbpath")
            .arg(data.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
        let admin = Client::with_uri_str(&url).await.unwrap().database("admin");
        let started = Self { process, port, admin, _data: data };
        started.admin.run_command(doc! { "ping": 1 }).await.unwrap();
        started
    }

    /// Makes a replica set with this server as the primary.
    async fn lead(&self, others: &[&Self]) {
        let ports = [self.port].into_iter().chain(others.iter().map(|other| other.port));
        let member = |(id, port): (i32, u16)| doc! { "_id": id, "host": format!("127.0.0.1:{port}") };
        let members: Vec<Document> = (0..).zip(ports).map(member).collect();
        let set = doc! { "_id": "rs0", "members": members };
        self.admin.run_command(doc! { "replSetInitiate": set }).await.unwrap();
        wait_until("a primary", TIMEOUT, async || self.is_primary().await).await;
    }

    /// Whether it accepts writes.
    pub async fn is_primary(&self) -> bool {
        let hello = self.admin.run_command(doc! { "hello": 1 }).await;
        hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").is_ok_and(|is| is))
    }

    /// Makes it the primary in place of another one.
    pub async fn take_over(&self) {
        wait_until("it is elected", TIMEOUT, async || {
            self.admin.run_command(doc! { "replSetStepUp": 1 }).await.is_ok()
        })
        .await;
        wait_until("it accepts writes", TIMEOUT, async || self.is_primary().await).await;
    }

    /// How many queries it has run.
    pub async fn queries(&self) -> i64 {
        let status = self.admin.run_command(doc! { "serverStatus": 1 }).await.unwrap();
        let queries = status.get_document("opcounters").unwrap().get("query").unwrap();
        queries.as_i64().or(queries.as_i32().map(i64::from)).expect("a number")
    }

    /// Turns a fail point of the server on or off.
    pub async fn set_fail_point(&self, name: &str, is_on: bool) {
        let mode = if is_on { "alwaysOn" } else { "off" };
        self.admin.run_command(doc! { "configureFailPoint": name, "mode": mode }).await.unwrap();
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
