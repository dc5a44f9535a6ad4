//! The server embedded in a process.

use std::{net::SocketAddr, time::Duration};

use orderwire::{
    app::App,
    config::{BindAddress, Config, DatabaseUrl},
    storage::CallCounts,
};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cli_process::graphql;

fn config() -> Config {
    let mut config = Config::default();
    config.database.url = DatabaseUrl::Temporary;
    config.server.bind = BindAddress::any_local_port();
    config.server.grace_period = Duration::from_secs(5);
    config
}

fn run(app: App) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
    let shutdown = CancellationToken::new();
    (app.address(), shutdown.clone(), tokio::spawn(app.run(shutdown)))
}

#[tokio::test]
async fn servers_in_one_process_have_separate_data() {
    const REGISTER: &str =
        "mutation($input: RegisterInput!) { register(input: $input) { session { user { id } } userErrors { code } } }";
    let mut servers = Vec::new();
    for _ in 0..2 {
        servers.push(run(App::start(&config()).await.unwrap()));
    }
    for (address, ..) in &servers {
        let input = json!({ "input": { "email": "ann@example.com", "password": "correct horse", "name": "Ann" } });
        let answer = graphql(&format!("http://{address}"), None, REGISTER, input).await;
        assert!(answer["data"]["register"]["session"]["user"]["id"].is_string(), "{answer}");
    }
    for (address, shutdown, running) in servers {
        shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(60), running).await.unwrap().unwrap();
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "it listens no more");
    }
}

#[tokio::test]
async fn storage_calls_of_a_server_can_be_counted() {
    let counts = CallCounts::default();
    let app = App::start_counted(&config(), Some(counts.clone())).await.unwrap();
    let (address, shutdown, running) = run(app);
    counts.take();
    graphql(&format!("http://{address}"), None, "{ products { nodes { id } } }", json!({})).await;
    assert_eq!(counts.take().get("list_products"), Some(&1));
    shutdown.cancel();
    running.await.unwrap();
}
