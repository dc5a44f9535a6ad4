//! Errors at start and their messages.

use bson::doc;

use super::{
    super::{MongoOptions, MongoStore},
    default_options, server, url_of,
};
use crate::storage::StoreError;

#[tokio::test]
async fn conflicting_index_is_named_in_the_error() {
    let database = format!("engine_{:032x}", rand::random::<u128>());
    let client = mongodb::Client::with_uri_str(server()).await.unwrap();
    let other = doc! { "createIndexes": "orders", "indexes": [{ "key": { "number": 1 }, "name": "placed_at" }] };
    client.database(&database).run_command(other).await.unwrap();
    let refused = MongoStore::connect(&url_of(&database), default_options()).await.err().unwrap().to_string();
    client.database(&database).drop().await.unwrap();
    assert!(refused.contains("orders") && refused.contains("placed_at"), "{refused}");
}

#[tokio::test]
async fn unreachable_server_is_unavailable_and_errors_hide_credentials() {
    let options = MongoOptions { server_selection_timeout: std::time::Duration::from_millis(300), ..default_options() };
    for url in [
        "mongodb://ann:s3cret@127.0.0.1:1/shop?replicaSet=rs0",
        "mongodb://ann:s3cret@127.0.0.1:1/shop",
        "mongodb://ann:s3cret@/shop",
        "mongodb://ann:s3cr%et@host/shop",
        "redis://ann:s3cret@host",
    ] {
        let error = MongoStore::connect(url, options.clone()).await.err().unwrap();
        assert!(!format!("{error} {error:?}").contains("s3cr"), "{error}");
        assert_eq!(url.contains("127.0.0.1"), matches!(error, StoreError::Unavailable(_)), "{error}");
    }
}

/// A MongoDB server without a replica set; killed on drop.
struct Standalone {
    process: std::process::Child,
    port: u16,
    _data: tempfile::TempDir,
}

impl Standalone {
    fn start() -> Self {
        let program = std::env::var("ORDERWIRE_TEST_MONGOD").expect("ORDERWIRE_TEST_MONGOD is the path of a mongod");
        let data = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = std::process::Command::new(program)
            .args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--port", &port.to_string(), "--dbpath"])
            .arg(data.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        Self { process, port, _data: data }
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_standalone_server_is_refused_with_the_remedy() {
    let server = Standalone::start();
    let options = MongoOptions { server_selection_timeout: std::time::Duration::from_secs(20), ..default_options() };
    let refused = MongoStore::connect(&format!("mongodb://127.0.0.1:{}/shop", server.port), options).await;
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("--replSet"), "{refused}");
    // With `replicaSet` in the URL, the driver waits for a primary until its timeout.
    let options = MongoOptions { server_selection_timeout: std::time::Duration::from_millis(500), ..default_options() };
    let url = format!("mongodb://127.0.0.1:{}/shop?replicaSet=rs0", server.port);
    let refused = MongoStore::connect(&url, options).await.err().unwrap().to_string();
    assert!(refused.contains("--replSet"), "{refused}");
}
