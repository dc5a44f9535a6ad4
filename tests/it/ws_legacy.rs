//! The legacy `graphql-ws` protocol of subscriptions-transport-ws.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use futures_util::StreamExt;
use orderwire::http::WebSocketOptions;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    http_support::{Server, eventually, http_options, start, start_with},
    support::ws::{self, Client, TIMEOUT},
};

async fn open(server: &Server) -> Client {
    Client::open_with(server.address, ws::LEGACY, json!({})).await
}

async fn run(client: &mut Client, id: &str, query: &str) {
    client.send(json!({"id": id, "type": "start", "payload": {"query": query}})).await;
}

fn data(id: &str, data: Value) -> Value {
    json!({"type": "data", "id": id, "payload": {"data": data}})
}

fn complete(id: &str) -> Value {
    json!({"type": "complete", "id": id})
}

#[tokio::test]
async fn the_legacy_protocol_runs_queries_mutations_and_subscriptions() {
    let server = start().await;
    let mut client = open(&server).await;
    for (query, results) in [
        ("{ hello }", vec![json!({"hello": "hello world"})]),
        ("mutation { bump }", vec![json!({"bump": 1})]),
        ("subscription { count(to: 2) }", vec![json!({"count": 1}), json!({"count": 2})]),
        ("subscription { count(to: 0) }", vec![]),
    ] {
        run(&mut client, "1", query).await;
        for result in results {
            assert_eq!(client.receive().await, data("1", result), "{query}");
        }
        assert_eq!(client.receive().await, complete("1"), "{query}");
    }
}

#[tokio::test]
async fn keep_alive_messages_tell_idle_operations_how_far_they_are() {
    let server =
        start_with(WebSocketOptions { ping_interval: Duration::from_millis(50), ..http_options().websocket }).await;
    let mut client = open(&server).await;
    run(&mut client, "1", "subscription { open }").await;
    assert_eq!(client.receive().await["type"], "data");
    server.probe.passed.store(5, SeqCst);
    let expected = json!({"type": "ka", "payload": {"cursors": {"1": "e000000070000000000000006"}}});
    let told = async {
        while let Some(Ok(message)) = client.0.next().await {
            if message.is_text() && serde_json::from_str::<Value>(message.to_text().unwrap()).unwrap() == expected {
                return;
            }
        }
        panic!("the connection ended");
    };
    timeout(TIMEOUT, told).await.expect("the position in time");
}

#[tokio::test]
async fn the_modern_protocol_is_preferred() {
    let server = start().await;
    for (offered, answer) in [
        ("graphql-ws, graphql-transport-ws", json!({"type": "pong"})),
        ("graphql-transport-ws, graphql-ws", json!({"type": "pong"})),
        (
            "soap, graphql-ws",
            json!({"type": "connection_error", "payload": {"message": "Invalid message type \"ping\""}}),
        ),
    ] {
        let mut client = Client::connect(server.address, offered).await;
        client.send(json!({"type": "ping"})).await;
        assert_eq!(client.receive().await, answer, "{offered}");
    }
}

/// subscriptions-transport-ws sends operations without waiting for the acknowledgement.
#[tokio::test]
async fn operations_sent_before_the_ack_run_after_authentication() {
    let server = start().await;
    let mut client = Client::connect(server.address, ws::LEGACY).await;
    client.send(json!({"type": "connection_init", "payload": {"authorization": "Bearer good"}})).await;
    run(&mut client, "1", "{ viewer }").await;
    assert_eq!(client.receive().await, json!({"type": "connection_ack"}));
    assert_eq!(client.receive().await, data("1", json!({"viewer": "System"})));
}

#[tokio::test]
async fn bad_tokens_and_wrong_message_order_get_an_error_before_the_close() {
    let server = start().await;
    let init = |token: &str| json!({"type": "connection_init", "payload": {"Authorization": token}});
    for (message, code, reason) in [
        (init("Bearer bad"), 4403, "Forbidden"),
        (init("Bearer down"), 1013, "Try again later"),
        (init("Bearer panic"), 1013, "Try again later"),
        (json!({"type": "start", "id": "1", "payload": {"query": "{ hello }"}}), 4401, "Unauthorized"),
    ] {
        let mut client = Client::connect(server.address, ws::LEGACY).await;
        client.send(message.clone()).await;
        let expected = json!({"type": "connection_error", "payload": {"message": reason}});
        assert_eq!(client.receive().await, expected, "{message}");
        assert_eq!(client.closed().await, (code, reason.to_owned()), "{message}");
    }
    let mut client = open(&server).await;
    client.raw(Message::binary("{}")).await;
    assert_eq!(client.closed().await.0, 4400);
    let options = WebSocketOptions { init_timeout: Duration::from_millis(50), ..http_options().websocket };
    let hasty = start_with(options).await;
    assert_eq!(Client::connect(hasty.address, ws::LEGACY).await.closed().await.0, 4408);
}

#[tokio::test]
async fn an_unknown_message_does_not_end_the_connection() {
    let server = start().await;
    let mut client = open(&server).await;
    for (text, kind, id) in [
        ("nonsense", "connection_error", Value::Null),
        ("{}", "connection_error", Value::Null),
        (r#"{"type":"subscribe","id":"7"}"#, "error", json!("7")),
        (r#"{"type":"start","id":"7","payload":{"query":1}}"#, "error", json!("7")),
        (r#"{"type":"start","payload":{"query":"{ hello }"}}"#, "connection_error", Value::Null),
    ] {
        client.raw(Message::text(text)).await;
        let message = client.receive().await;
        assert_eq!((&message["type"], &message["id"]), (&json!(kind), &id), "{text}: {message}");
        assert!(message["payload"]["message"].is_string(), "{message}");
    }
    run(&mut client, "7", "{ hello }").await;
    assert_eq!(client.receive().await, data("7", json!({"hello": "hello world"})));
}

#[tokio::test]
async fn a_failed_operation_sends_one_error_and_frees_its_id() {
    let server = start().await;
    let mut client = open(&server).await;
    for query in ["{", "{ unknown }", "subscription { refused }"] {
        run(&mut client, "1", query).await;
        let message = client.receive().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("1")), "{query}");
        assert!(message["payload"]["message"].is_string(), "{message}");
    }
    // What was executed has a result, also if nothing is left of its data.
    for (query, expected) in [("{ part { broken } }", json!({"part": null})), ("{ fault }", json!(null))] {
        run(&mut client, "1", query).await;
        let message = client.receive().await;
        assert_eq!((&message["type"], &message["payload"]["data"]), (&json!("data"), &expected), "{query}");
        assert!(message["payload"]["errors"][0]["message"].is_string(), "{message}");
        assert_eq!(client.receive().await, complete("1"));
    }
    run(&mut client, "1", "subscription { panics }").await;
    assert_eq!(client.receive().await, data("1", json!({"panics": 1})));
    let message = client.receive().await;
    assert_eq!(message["payload"]["extensions"]["code"], "INTERNAL", "{message}");
}

#[tokio::test]
async fn stop_is_answered_and_a_reused_id_replaces_its_operation() {
    let server = start().await;
    let mut client = open(&server).await;
    for _ in 0..2 {
        run(&mut client, "1", "subscription { open }").await;
        assert_eq!(client.receive().await, data("1", json!({"open": 1})));
    }
    eventually("the first is gone", || server.probe.live.load(SeqCst) == 1).await;
    for id in ["unknown", "1"] {
        client.send(json!({"type": "stop", "id": id})).await;
    }
    assert_eq!(client.receive().await, complete("1"));
    eventually("the second is gone", || server.probe.live.load(SeqCst) == 0).await;
    client.send(json!({"type": "connection_terminate"})).await;
    assert_eq!(client.closed().await.0, 1000);
}

#[tokio::test]
async fn keep_alives_start_after_the_acknowledgement() {
    let options = WebSocketOptions { ping_interval: Duration::from_millis(50), ..http_options().websocket };
    let server = start_with(options).await;
    let mut client = open(&server).await;
    let mut texts = 0;
    while texts < 3 {
        match timeout(TIMEOUT, client.0.next()).await.expect("a frame in time").unwrap().unwrap() {
            Message::Text(text) => {
                assert_eq!(text.as_str(), r#"{"type":"ka"}"#);
                texts += 1;
            }
            frame => assert!(frame.is_ping(), "{frame}"),
        }
    }
    let mut unopened = Client::connect(server.address, ws::LEGACY).await;
    let frame = timeout(TIMEOUT, unopened.0.next()).await.unwrap().unwrap().unwrap();
    assert!(frame.is_ping(), "nothing is said before the opening: {frame}");
}
