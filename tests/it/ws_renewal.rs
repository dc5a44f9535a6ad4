//! A fresh token for a connection that is open.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use orderwire::domain::Timestamp;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    http_support::{Server, eventually, start},
    support::ws::{self, Client},
};

/// How each protocol brings a token.
fn fresh(protocol: &str, token: &str) -> Value {
    let kind = if protocol == ws::MODERN { "ping" } else { "connection_init" };
    json!({"type": kind, "payload": {"Authorization": format!("Bearer user {token}")}})
}

async fn open(server: &Server, protocol: &str, token: &str) -> Client {
    let payload = json!({"authorization": format!("Bearer user {token}")});
    let mut client = Client::open_with(server.address, protocol, payload).await;
    let kind = if protocol == ws::MODERN { "subscribe" } else { "start" };
    client.send(json!({"type": kind, "id": "1", "payload": {"query": "subscription { open }"}})).await;
    assert_eq!(client.receive().await["payload"]["data"]["open"], 1);
    client
}

#[tokio::test]
async fn lets_it_go_on_with_what_runs() {
    // At once, because both wait for tokens to expire.
    tokio::join!(renews_and_expires(ws::MODERN), renews_and_expires(ws::LEGACY));
}

async fn renews_and_expires(protocol: &str) {
    let server = start().await;
    let mut client = open(&server, protocol, "anna customer 4000").await;
    client.send(fresh(protocol, "anna customer 60000")).await;
    let answer = client.receive().await;
    if protocol == ws::MODERN {
        let expires_at: Timestamp = answer["payload"]["expiresAt"].as_str().unwrap().parse().unwrap();
        assert!(expires_at.unix_millis() > 0);
        assert_eq!(answer, json!({"type": "pong", "payload": {"expiresAt": expires_at.to_string()}}));
    } else {
        assert_eq!(answer, json!({"type": "connection_ack"}));
    }
    // Past the end of the first token.
    sleep(Duration::from_millis(4200)).await;
    assert_eq!(server.probe.live.load(SeqCst), 1, "{protocol}");
    client.send(fresh(protocol, "anna customer 500")).await;
    assert!(["pong", "connection_ack"].contains(&client.receive().await["type"].as_str().unwrap()));
    assert_eq!(client.closed().await, (4403, "Token expired".to_owned()), "{protocol}");
    eventually("its stream is gone", || server.probe.live.load(SeqCst) == 0).await;
}

#[tokio::test]
async fn closes_it_when_it_is_not_good_or_of_somebody_else() {
    let server = start().await;
    for protocol in [ws::MODERN, ws::LEGACY] {
        for token in ["bert customer 60000", "anna staff 60000"] {
            let mut client = open(&server, protocol, "anna customer 60000").await;
            client.send(fresh(protocol, token)).await;
            let (code, reason) = client.closed().await;
            assert_eq!(code, 4403, "{token}");
            assert!(reason.starts_with("Forbidden: not the user and role"), "{reason}");
        }
        let kind = if protocol == ws::MODERN { "ping" } else { "connection_init" };
        for (token, code, reason) in [("Bearer bad", 4403, "Forbidden"), ("Bearer down", 1013, "Try again later")] {
            let mut client = open(&server, protocol, "anna customer 60000").await;
            client.send(json!({"type": kind, "payload": {"headers": {"authorization": token}}})).await;
            assert_eq!(client.closed().await, (code, reason.to_owned()));
        }
    }
    // Nobody's connection does not become somebody's.
    let mut client = Client::open(server.address).await;
    client.send(fresh(ws::MODERN, "anna customer 60000")).await;
    assert_eq!(client.closed().await.0, 4403);
    eventually("all streams are gone", || server.probe.live.load(SeqCst) == 0).await;
}

#[tokio::test]
async fn the_end_of_the_session_closes_it() {
    let server = start().await;
    let mut clients = Vec::new();
    for protocol in [ws::MODERN, ws::LEGACY] {
        clients.push(open(&server, protocol, "anna customer 60000").await);
    }
    let mut nobody = Client::open(server.address).await;
    server.probe.sessions_end.cancel();
    for client in &mut clients {
        assert_eq!(client.closed().await, (4403, "Session ended".to_owned()));
    }
    eventually("all streams are gone", || server.probe.live.load(SeqCst) == 0).await;
    nobody.subscribe("1", "{ hello }").await;
    assert_eq!(nobody.receive().await["type"], "next");
}

#[tokio::test]
async fn is_not_taken_before_the_opening_and_never_repeated() {
    let server = start().await;
    let mut client = Client::connect(server.address, ws::MODERN).await;
    client.send(fresh(ws::MODERN, "anna customer 60000")).await;
    assert_eq!(client.closed().await, (4401, "Unauthorized".to_owned()));

    let mut client = Client::open_with(server.address, ws::MODERN, json!({"authorization": "Bearer good"})).await;
    client.send(json!({"type": "ping", "payload": {"authorization": "Bearer good", "other": 1}})).await;
    assert_eq!(client.receive().await, json!({"type": "pong", "payload": {"expiresAt": null}}));
    client.send(json!({"type": "connection_init"})).await;
    assert_eq!(client.closed().await.0, 4429);
}
