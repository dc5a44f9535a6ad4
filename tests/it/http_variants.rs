//! Requests in rare but valid forms are served like the usual ones, over each transport.

use std::sync::atomic::Ordering::SeqCst;

use futures_util::StreamExt;
use reqwest::{
    Client as HttpClient, RequestBuilder,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use crate::{
    http_support::{GRAPHQL, JSON, Reply, Server, start},
    support::ws::{self, Client, TIMEOUT},
};

const EVENTS: &str = "text/event-stream";
const MULTIPART: &str = "multipart/mixed;subscriptionSpec=1.0";

/// The same request by POST and by GET.
fn by_each_method(server: &Server, path: &str, query: &str) -> [RequestBuilder; 2] {
    let client = HttpClient::new();
    let posted = client.post(server.url(path)).header(CONTENT_TYPE, JSON).body(json!({ "query": query }).to_string());
    [posted, client.get(server.url(path)).query(&[("query", query)])]
}

/// The protocols, and their messages that start an operation and carry a result.
const PROTOCOLS: [(&str, &str, &str); 2] = [(ws::MODERN, "subscribe", "next"), (ws::LEGACY, "start", "data")];

#[tokio::test]
async fn a_path_with_a_slash_at_its_end_is_served_alike() {
    let server = start().await;
    for request in by_each_method(&server, "/graphql/", "{ hello }") {
        for accept in [JSON, GRAPHQL] {
            let answer = Reply::send(request.try_clone().unwrap().header(ACCEPT, accept)).await;
            assert_eq!((answer.status, &answer.body), (200, &json!({"data": {"hello": "hello world"}})));
        }
    }
    for request in by_each_method(&server, "/graphql/", "subscription { count(to: 2) }") {
        for accept in [EVENTS, MULTIPART] {
            let response = request.try_clone().unwrap().header(ACCEPT, accept).send().await.unwrap();
            let body = response.text().await.unwrap();
            assert!(body.contains(r#"{"data":{"count":2}}"#), "{body}");
        }
    }
    let client = HttpClient::new();
    let mutation = client.post(server.url("/graphql/")).header(CONTENT_TYPE, JSON);
    assert_eq!(Reply::send(mutation.body(r#"{"query":"mutation{bump}"}"#)).await.status, 200);
    assert_eq!(server.probe.bumps.load(SeqCst), 1);
    for (protocol, start, next) in PROTOCOLS {
        let mut request = format!("ws://{}/graphql/", server.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        let mut client = Client::with(server.address, request).await;
        client.send(json!({"type": "connection_init"})).await;
        assert_eq!(client.receive().await["type"], "connection_ack");
        client.send(json!({"id": "1", "type": start, "payload": {"query": "{ hello }"}})).await;
        assert_eq!(client.receive().await["type"], next);
    }
}

#[tokio::test]
async fn an_empty_accept_header_counts_as_absent() {
    let server = start().await;
    for lines in [&[""][..], &[" "], &[","], &["", " , "]] {
        for mut request in by_each_method(&server, "/graphql", "{ hello }") {
            for line in lines {
                request = request.header(ACCEPT, *line);
            }
            let answer = Reply::send(request).await;
            assert_eq!((answer.status, &answer.body), (200, &json!({"data": {"hello": "hello world"}})), "{lines:?}");
            assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        }
    }
    for request in by_each_method(&server, "/graphql", "{ hello }") {
        let answer = Reply::send(request.header(ACCEPT, "").header(ACCEPT, GRAPHQL)).await;
        assert_eq!(answer.header("content-type"), format!("{GRAPHQL}; charset=utf-8"));
    }
}

#[tokio::test]
async fn a_byte_order_mark_before_json_is_skipped() {
    let server = start().await;
    let client = HttpClient::new();
    let body = "\u{feff}{\"query\":\"{ hello }\"}";
    for (accept, text) in [
        (JSON, r#"{"data":{"hello":"hello world"}}"#),
        (GRAPHQL, r#"{"data":{"hello":"hello world"}}"#),
        (EVENTS, r#"data: {"data":{"hello":"hello world"}}"#),
        (MULTIPART, r#"{"payload":{"data":{"hello":"hello world"}}}"#),
    ] {
        let request = client.post(server.url("/graphql")).header(CONTENT_TYPE, JSON).header(ACCEPT, accept);
        let answer = request.body(body).send().await.unwrap().text().await.unwrap();
        assert!(answer.contains(text), "{accept}: {answer}");
    }
    for (protocol, start, next) in PROTOCOLS {
        let mut client = Client::connect(server.address, protocol).await;
        client.raw(Message::text("\u{feff}{\"type\":\"connection_init\"}")).await;
        assert_eq!(client.receive().await["type"], "connection_ack");
        let run = json!({"id": "1", "type": start, "payload": {"query": "{ hello }"}});
        client.raw(Message::text(format!("\u{feff}{run}"))).await;
        assert_eq!(client.receive().await["type"], next);
    }
    // One mark at the beginning, and in UTF-8 only.
    for body in [
        "\u{feff}\u{feff}{\"query\":\"{ hello }\"}".as_bytes().to_vec(),
        " \u{feff}{\"query\":\"{ hello }\"}".as_bytes().to_vec(),
        "{\u{feff}\"query\":\"{ hello }\"}".as_bytes().to_vec(),
        "\u{feff}".as_bytes().to_vec(),
        "\u{feff}[]".as_bytes().to_vec(),
        b"\xff\xfe{\0}\0".to_vec(),
        b"\xef\xbb{}".to_vec(),
    ] {
        let request = client.post(server.url("/graphql")).header(CONTENT_TYPE, JSON);
        let answer = Reply::send(request.body(body.clone())).await;
        assert_eq!((answer.status, answer.code()), (400, "BAD_USER_INPUT"), "{body:?}");
        assert!(!answer.message().is_empty());
    }
}

/// Values of an `Authorization` header or member, and the viewer that they give; `None` when they are refused.
const CREDENTIALS: [(&str, Option<&str>); 9] = [
    ("", Some("Anonymous")),
    (" ", Some("Anonymous")),
    ("\t ", Some("Anonymous")),
    ("Bearer good", Some("System")),
    ("Bearer", None),
    ("Bearer ", None),
    ("bearer", None),
    ("good", None),
    ("Basic", None),
];

#[tokio::test]
async fn a_blank_authorization_header_is_anonymous() {
    let server = start().await;
    for (value, viewer) in CREDENTIALS {
        for request in by_each_method(&server, "/graphql", "{ viewer }") {
            for accept in [JSON, GRAPHQL, EVENTS, MULTIPART] {
                let request = request.try_clone().unwrap().header(AUTHORIZATION, value).header(ACCEPT, accept);
                let response = request.send().await.unwrap();
                let (status, body) = (response.status().as_u16(), response.text().await.unwrap());
                match viewer {
                    Some(viewer) => assert!(body.contains(&format!(r#"{{"viewer":"{viewer}"}}"#)), "{value:?} {body}"),
                    None => assert!(status == 401 && body.contains("UNAUTHENTICATED"), "{value:?}: {status} {body}"),
                }
            }
        }
        let head = HttpClient::new().head(server.url("/graphql?query={viewer}")).header(AUTHORIZATION, value);
        assert_eq!(head.send().await.unwrap().status().as_u16(), if viewer.is_some() { 200 } else { 401 }, "{value:?}");
        for protocol in PROTOCOLS {
            assert_eq!(socket_viewer(&server, protocol, Some(value), json!({})).await.as_deref(), viewer, "{value:?}");
        }
    }
    let two = HttpClient::new().get(server.url("/graphql?query={viewer}"));
    let answer = Reply::send(two.header(AUTHORIZATION, "").header(AUTHORIZATION, "Bearer good")).await;
    assert_eq!((answer.status, answer.code()), (400, "BAD_USER_INPUT"), "which one is meant is not clear");
}

#[tokio::test]
async fn a_blank_authorization_in_the_payload_is_anonymous() {
    let server = start().await;
    for protocol in PROTOCOLS {
        for (value, viewer) in CREDENTIALS {
            for payload in [json!({ "authorization": value }), json!({ "headers": { "Authorization": value } })] {
                let found = socket_viewer(&server, protocol, None, payload.clone()).await;
                assert_eq!(found.as_deref(), viewer, "{payload}");
            }
        }
        for (header, payload, viewer) in [
            (None, json!(null), "Anonymous"),
            (None, json!({ "authorization": null }), "Anonymous"),
            (None, json!({ "headers": null }), "Anonymous"),
            (None, json!({ "authorization": "", "headers": { "authorization": "Bearer good" } }), "System"),
            // A blank member counts as absent, so the header of the handshake holds.
            (Some("Bearer good"), json!({ "authorization": "" }), "System"),
            (Some("Bearer good"), json!({ "authorization": null }), "System"),
            (Some(""), json!({ "authorization": "Bearer good" }), "System"),
        ] {
            let found = socket_viewer(&server, protocol, header, payload.clone()).await;
            assert_eq!(found.as_deref(), Some(viewer), "{header:?} {payload}");
        }
    }
}

#[tokio::test]
async fn a_blank_authorization_on_an_open_socket_renews_nothing() {
    let server = start().await;
    let mut client = Client::open_with(server.address, ws::MODERN, json!({"authorization": "Bearer good"})).await;
    let payload = json!({"authorization": " "});
    client.send(json!({"type": "ping", "payload": payload})).await;
    assert_eq!(client.receive().await, json!({"type": "pong", "payload": payload}));
    let mut client = Client::open_with(server.address, ws::LEGACY, json!({"authorization": "Bearer good"})).await;
    client.send(json!({"type": "connection_init", "payload": payload})).await;
    assert_eq!(client.receive().await, json!({"type": "connection_ack"}));
    client.send(json!({"id": "1", "type": "start", "payload": {"query": "{ viewer }"}})).await;
    assert_eq!(client.receive().await["payload"]["data"]["viewer"], "System");
}

/// The viewer of a socket that was opened with these credentials; `None` when it is refused with 4403.
async fn socket_viewer(
    server: &Server,
    (protocol, start, next): (&str, &str, &str),
    header: Option<&str>,
    payload: Value,
) -> Option<String> {
    let mut request = ws::request(server.address, protocol);
    if let Some(header) = header {
        request.headers_mut().insert("authorization", header.parse().unwrap());
    }
    let mut client = Client::with(server.address, request).await;
    client.send(json!({"type": "connection_init", "payload": payload})).await;
    loop {
        match timeout(TIMEOUT, client.0.next()).await.expect("a message in time").unwrap().unwrap() {
            Message::Close(frame) => {
                assert_eq!(u16::from(frame.expect("a code").code), 4403);
                return None;
            }
            Message::Text(text) if text.contains("connection_ack") => break,
            _ => {}
        }
    }
    client.send(json!({"id": "1", "type": start, "payload": {"query": "{ viewer }"}})).await;
    let result = client.receive().await;
    assert_eq!(result["type"], next);
    Some(result["payload"]["data"]["viewer"].as_str().unwrap().to_owned())
}
