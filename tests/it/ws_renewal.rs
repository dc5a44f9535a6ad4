//! Renewing the access token of an open WebSocket.

use std::sync::atomic::Ordering::SeqCst;

use orderwire::domain::Timestamp;
use serde_json::{Value, json};

use crate::{
    http_support::{Server, eventually, start},
    support::ws::{self, Client},
};

/// The message that carries a new token in each protocol.
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
async fn a_renewed_token_keeps_running_operations_alive() {
    // Together, because both wait for tokens to expire.
    tokio::join!(renew_and_expire(ws::MODERN), renew_and_expire(ws::LEGACY));
}

async fn renew_and_expire(protocol: &str) {
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
    let later = open(&server, protocol, "anna customer 4000").await.closed().await;
    assert_eq!(later, (4403, "Token expired".to_owned()), "a token that was issued after the first one has expired");
    eventually("only the stream of the renewed token is left", || server.probe.live.load(SeqCst) == 1).await;
    client.send(fresh(protocol, "anna customer 500")).await;
    assert!(["pong", "connection_ack"].contains(&client.receive().await["type"].as_str().unwrap()));
    assert_eq!(client.closed().await, (4403, "Token expired".to_owned()), "{protocol}");
    eventually("its stream is gone", || server.probe.live.load(SeqCst) == 0).await;
}

#[tokio::test]
async fn an_invalid_or_foreign_renewal_token_closes_the_socket() {
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
    // An anonymous connection cannot sign in later.
    let mut client = Client::open(server.address).await;
    client.send(fresh(ws::MODERN, "anna customer 60000")).await;
    assert_eq!(client.closed().await.0, 4403);
    eventually("all streams are gone", || server.probe.live.load(SeqCst) == 0).await;
}

#[tokio::test]
async fn the_end_of_the_session_closes_a_renewed_socket() {
    let server = start().await;
    let mut clients = Vec::new();
    for protocol in [ws::MODERN, ws::LEGACY] {
        clients.push(open(&server, protocol, "anna customer 60000").await);
    }
    let mut anonymous = Client::open(server.address).await;
    server.probe.sessions_end.cancel();
    for client in &mut clients {
        assert_eq!(client.closed().await, (4403, "Session ended".to_owned()));
    }
    eventually("all streams are gone", || server.probe.live.load(SeqCst) == 0).await;
    anonymous.subscribe("1", "{ hello }").await;
    assert_eq!(anonymous.receive().await["type"], "next");
}

#[tokio::test]
async fn a_renewal_is_refused_before_init_and_never_repeated() {
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
