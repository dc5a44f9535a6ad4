//! The `graphql-transport-ws` protocol.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use futures_util::StreamExt;
use orderwire::http::{AllowedOrigins, HttpOptions, WebSocketOptions};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{
    client_async,
    tungstenite::{
        Message,
        handshake::client::Request,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

use crate::{
    http_support::{Server, eventually, http_options, start, start_with},
    support::ws::{self, Client, TIMEOUT, next},
};

fn request(server: &Server) -> Request {
    ws::request(server.address, ws::MODERN)
}

#[tokio::test]
async fn the_modern_protocol_runs_queries_mutations_and_subscriptions() {
    let server = start().await;
    let mut client = Client::open(server.address).await;
    for (query, results) in [
        ("{ hello }", vec![json!({"hello": "hello world"})]),
        ("mutation { bump }", vec![json!({"bump": 1})]),
        ("subscription { count(to: 2) }", vec![json!({"count": 1}), json!({"count": 2})]),
        ("subscription { count(to: 0) }", vec![]),
    ] {
        client.subscribe("1", query).await;
        for result in results {
            assert_eq!(client.receive().await, next("1", result), "{query}");
        }
        assert_eq!(client.receive().await, json!({"type": "complete", "id": "1"}), "{query}");
    }
    let payload = json!({
        "query": "query A { viewer } query B($n: String) { hello(name: $n) }",
        "operationName": "B", "variables": {"n": "you"}, "extensions": {"x": 1},
    });
    client.send(json!({"id": "é", "type": "subscribe", "payload": payload})).await;
    assert_eq!(client.receive().await, next("é", json!({"hello": "hello you"})));
}

#[tokio::test]
async fn failures_before_the_first_result_send_an_error_and_free_the_id() {
    let server = start().await;
    let mut client = Client::open(server.address).await;
    for query in ["{", "", "{ unknown }", "subscription { refused }", "subscription { unknown }"] {
        client.subscribe("1", query).await;
        let message = client.receive().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("1")), "{query}");
        assert!(message["payload"][0]["message"].is_string(), "{message}");
    }
    // What was executed has a result, also if nothing is left of its data.
    for (query, data) in [("{ part { broken } }", json!({"part": null})), ("{ fault }", json!(null))] {
        client.subscribe("1", query).await;
        let message = client.receive().await;
        assert_eq!((&message["type"], &message["payload"]["data"]), (&json!("next"), &data), "{query}");
        assert!(message["payload"]["errors"][0]["message"].is_string(), "{message}");
        assert_eq!(client.receive().await["type"], "complete");
    }
}

#[tokio::test]
async fn a_panic_ends_the_operation_and_not_the_socket() {
    let server = start().await;
    let mut client = Client::open(server.address).await;
    client.subscribe("1", "subscription { panics }").await;
    assert_eq!(client.receive().await, next("1", json!({"panics": 1})));
    let message = client.receive().await;
    let extensions = &message["payload"][0]["extensions"];
    assert_eq!((&message["type"], &extensions["code"]), (&json!("error"), &json!("INTERNAL")), "{message}");
    assert!(extensions["requestId"].as_str().unwrap().ends_with("-1"), "{message}");
    client.subscribe("1", "{ hello }").await;
    assert_eq!(client.receive().await["type"], "next");
}

#[tokio::test]
async fn protocol_violations_close_the_socket_with_the_specified_codes() {
    let server = start().await;
    let init = json!({"type": "connection_init"}).to_string();
    let subscribe =
        |id: &str| json!({"id": id, "type": "subscribe", "payload": {"query": "subscription { open }"}}).to_string();
    let bad_token = json!({"type": "connection_init", "payload": {"authorization": "Bearer bad"}}).to_string();
    let down = json!({"type": "connection_init", "payload": {"headers": {"Authorization": "Bearer down"}}}).to_string();
    let deep = format!(r#"{{"type":"ping","payload":{{"a":{}"#, "[".repeat(30_000));
    let long_id = subscribe(&"x".repeat(257));
    for (messages, code, reason) in [
        (vec![subscribe("1")], 4401, "Unauthorized"),
        (vec![init.clone(), init.clone()], 4429, "Too many initialisation requests"),
        (vec![bad_token], 4403, "Forbidden"),
        (vec![down], 1013, "Try again later"),
        (vec![init.clone(), subscribe("a"), subscribe("a")], 4409, "Subscriber for a already exists"),
        (vec!["{}".to_owned()], 4400, "missing field `type`"),
        (vec!["nonsense".to_owned()], 4400, "Message is not a JSON object"),
        (vec![String::new()], 4400, "Message is not a JSON object"),
        (vec!["{\"type\":\"start\"}\u{0}".to_owned()], 4400, "not valid"),
        (vec![deep], 4400, "not valid"),
        (vec![json!({"type": "x".repeat(1000)}).to_string()], 4400, "Invalid message 'type' property \"xxx"),
        (
            vec![init.clone(), json!({"type": "subscribe", "id": "1", "payload": {"query": 1}}).to_string()],
            4400,
            "`query` must",
        ),
        (vec![init.clone(), long_id], 4400, "longer than 256 bytes"),
    ] {
        let mut client = Client::connect(server.address, ws::MODERN).await;
        // Wait for the acknowledgement before subscribing.
        for (index, message) in messages.iter().enumerate() {
            client.raw(Message::text(message.clone())).await;
            if index == 0 && messages.len() > 1 {
                assert_eq!(client.receive().await["type"], "connection_ack");
            }
        }
        let (found, text) = client.closed().await;
        assert_eq!(found, code, "{messages:.100?}: {text}");
        assert!(text.contains(reason) && text.len() <= 123, "{text}");
    }
    for (message, code) in
        [(Message::binary(init.clone().into_bytes()), 4400), (Message::text("x".repeat(200 * 1024)), 1009)]
    {
        let mut client = Client::connect(server.address, ws::MODERN).await;
        client.raw(message).await;
        assert_eq!(client.closed().await.0, code);
    }
    eventually("all streams are gone", || server.probe.live.load(SeqCst) == 0).await;
}

/// A client that writes its whole message before it reads. A connection that the server resets while the message is being
/// sent, or before the close frame is read, fails this.
#[tokio::test]
async fn a_message_that_is_too_large_is_answered_with_a_close_frame() {
    let server = start().await;
    for size in [300_000, 1_200_000, 10_000_000] {
        for in_one_frame in [true, false] {
            let mut client = Client::open(server.address).await;
            client.subscribe("1", "subscription { open }").await;
            assert_eq!(client.receive().await["type"], "next");
            if in_one_frame {
                client.raw(Message::text("x".repeat(size))).await;
            } else {
                // In frames that are small each, with pings between them.
                for number in 0..size / 100_000 {
                    let opcode = if number == 0 { Data::Text } else { Data::Continue };
                    let frame = Frame::message(vec![b'x'; 100_000], OpCode::Data(opcode), false);
                    client.raw(Message::Frame(frame)).await;
                    client.raw(Message::Ping(vec![1].into())).await;
                }
            }
            let (code, reason) = client.closed().await;
            assert_eq!((code, &*reason), (1009, "Message is larger than 131072 bytes"), "{size} {in_one_frame}");
            eventually("its stream is gone", || server.probe.live.load(SeqCst) == 0).await;
        }
    }
}

#[tokio::test]
async fn a_socket_without_init_is_closed_in_time() {
    let server =
        start_with(WebSocketOptions { init_timeout: Duration::from_millis(50), ..http_options().websocket }).await;
    let closed = Client::connect(server.address, ws::MODERN).await.closed().await;
    assert_eq!(closed, (4408, "Connection initialisation timeout".to_owned()));
}

#[tokio::test]
async fn the_handshake_checks_origin_version_and_subprotocol() {
    let origins = AllowedOrigins::new(["https://shop.example.com"], false);
    let server = Server::start(HttpOptions { origins, ..http_options() }).await;
    let own = format!("http://{}", server.address);
    for (origin, allowed) in
        [("https://shop.example.com", true), (&*own, true), ("https://evil.example.com", false), ("null", false)]
    {
        let mut request = request(&server);
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let stream = TcpStream::connect(server.address).await.unwrap();
        assert_eq!(client_async(request, stream).await.is_ok(), allowed, "{origin}");
    }

    let mut without = request(&server);
    without.headers_mut().remove("sec-websocket-protocol");
    let closed = Client::with(server.address, without).await.closed().await;
    assert_eq!(closed, (4406, "Subprotocol not acceptable".to_owned()));

    let mut several = request(&server);
    several.headers_mut().insert("sec-websocket-protocol", "soap, graphql-transport-ws".parse().unwrap());
    Client::with(server.address, several).await.send(json!({"type": "ping"})).await;

    for (header, value, expected) in [
        ("sec-websocket-protocol", "graphql-ws-of-tomorrow", "HTTP/1.1 101"),
        ("sec-websocket-version", "12", "HTTP/1.1 400"),
    ] {
        let mut request = request(&server);
        request.headers_mut().insert(header, value.parse().unwrap());
        let mut text = String::from("GET /graphql HTTP/1.1\r\n");
        for (name, value) in request.headers() {
            text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(format!("{text}\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(Ok(read @ 1..)) = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut buffer)).await {
            answer.extend_from_slice(&buffer[..read]);
            if answer.ends_with(b"acceptable") || answer.ends_with(b"}") {
                break;
            }
        }
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(expected), "{value}: {answer}");
        if expected.ends_with("101") {
            assert!(!answer.contains("sec-websocket-protocol"), "{answer}");
            assert!(answer.contains("Subprotocol not acceptable"), "{answer}");
        }
    }
}

#[tokio::test]
async fn the_token_comes_from_the_init_payload_or_the_handshake() {
    let server = start().await;
    for (header, payload, viewer) in [
        (None, json!({}), "Anonymous"),
        (None, json!({"authorization": "Bearer good"}), "System"),
        (Some("Bearer good"), json!(null), "System"),
        (Some("Bearer bad"), json!({"Authorization": "Bearer good"}), "System"),
    ] {
        let mut request = request(&server);
        if let Some(header) = header {
            request.headers_mut().insert("authorization", header.parse().unwrap());
        }
        let mut client = Client::with(server.address, request).await;
        client.send(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(client.receive().await["type"], "connection_ack");
        client.subscribe("1", "{ viewer }").await;
        assert_eq!(client.receive().await, next("1", json!({"viewer": viewer})));
    }
}

#[tokio::test]
async fn protocol_and_websocket_pings_are_answered() {
    let server = start().await;
    let mut client = Client::connect(server.address, ws::MODERN).await;
    for (ping, pong) in [
        (json!({"type": "ping"}), json!({"type": "pong"})),
        (json!({"type": "ping", "payload": {"a": [1]}}), json!({"type": "pong", "payload": {"a": [1]}})),
        (json!({"type": "ping", "payload": null}), json!({"type": "pong"})),
    ] {
        client.send(ping).await;
        assert_eq!(client.receive().await, pong);
    }
    client.send(json!({"type": "pong"})).await;
    client.raw(Message::Ping("x".into())).await;
    let answer = tokio::time::timeout(TIMEOUT, client.0.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(answer, Message::Pong("x".into()));
}

#[tokio::test]
async fn complete_stops_the_operation_and_is_not_answered() {
    let server = start().await;
    let mut client = Client::open(server.address).await;
    client.subscribe("1", "subscription { open }").await;
    assert_eq!(client.receive().await["type"], "next");
    client.send(json!({"type": "complete", "id": "1"})).await;
    client.send(json!({"type": "complete", "id": "unknown"})).await;
    eventually("the stream is gone", || server.probe.live.load(SeqCst) == 0).await;
    // The id can be reused at once: the next message belongs to the new operation.
    client.subscribe("1", "subscription { count(to: 1) }").await;
    assert_eq!(client.receive().await, next("1", json!({"count": 1})));
    assert_eq!(client.receive().await["type"], "complete");
}

#[tokio::test]
async fn the_client_can_close_the_socket() {
    let server = start().await;
    let mut client = Client::open(server.address).await;
    client.subscribe("1", "subscription { open }").await;
    assert_eq!(client.receive().await["type"], "next");
    client.0.close(None).await.unwrap();
    assert!(matches!(
        tokio::time::timeout(TIMEOUT, client.0.next()).await.unwrap(),
        Some(Ok(Message::Close(_))) | None
    ));
    eventually("its stream is gone", || server.probe.live.load(SeqCst) == 0).await;
}
