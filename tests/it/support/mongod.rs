//! A MongoDB server of one test.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use mongodb::{Client, Database, bson::doc};

use super::wait_until;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A replica set with one member. Dropping it kills the server.
pub struct Mongod {
    process: Child,
    /// The database `admin`, over a connection of its own.
    pub admin: Database,
    _data: tempfile::TempDir,
}

impl Mongod {
    /// Starts the server and returns once it accepts writes.
    pub async fn start(port: u16) -> Self {
        let program = std::env::var("ORDERWIRE_TEST_MONGOD").expect("ORDERWIRE_TEST_MONGOD is the path of a mongod");
        let data = tempfile::tempdir().unwrap();
        let process = Command::new(program)
            .args(["--replSet", "rs0", "--bind_ip", "127.0.0.1", "--nounixsocket", "--port", &port.to_string()])
            .args(["--setParameter", "enableTestCommands=1", "--dbpath"])
            .arg(data.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
        let admin = Client::with_uri_str(&url).await.unwrap().database("admin");
        let started = Self { process, admin, _data: data };
        let member = doc! { "_id": 0, "host": format!("127.0.0.1:{port}") };
        let initiate = doc! { "replSetInitiate": { "_id": "rs0", "members": [member] } };
        started.admin.run_command(initiate).await.unwrap();
        wait_until("a primary", TIMEOUT, async || {
            let hello = started.admin.run_command(doc! { "hello": 1 }).await;
            hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").is_ok_and(|is| is))
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
