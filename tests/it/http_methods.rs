//! HEAD, OPTIONS and upgrades.

use std::{collections::BTreeMap, sync::atomic::Ordering::SeqCst};

use orderwire::http::HttpOptions;
use reqwest::{
    Client, Method, RequestBuilder,
    header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    http_support::{GRAPHQL, JSON, Server, eventually, http_options, start},
    support::ws::TIMEOUT,
};

const EVENTS: &str = "text/event-stream";
const MULTIPART: &str = "multipart/mixed;subscriptionSpec=1.0";

/// The status, and the headers that are not of one request or of its framing.
async fn head_of(request: RequestBuilder) -> (u16, BTreeMap<String, String>) {
    let response = timeout(TIMEOUT, request.send()).await.expect("a response in time").unwrap();
    let mut headers: BTreeMap<String, String> =
        response.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    for name in ["x-request-id", "date", "transfer-encoding"] {
        headers.remove(name);
    }
    (response.status().as_u16(), headers)
}

#[tokio::test]
async fn head_is_answered_with_the_headers_of_get_and_without_a_body() {
    let server = Server::start(HttpOptions { example_apps: true, ..http_options() }).await;
    let client = Client::new();
    for path in [
        "/",
        "/graphiql",
        "/ui/",
        "/ui/favicon.svg",
        "/playground",
        "/shop",
        "/healthz",
        "/readyz",
        "/schema.graphql",
        "/nowhere",
        "/ui/nothing.js",
        "/graphql",
        "/graphql?query={hello}",
        "/graphql/?query={hello}",
        "/graphql?query={large(bytes:5000)}",
        "/graphql?query={unknown}",
        "/graphql?query={",
        "/graphql?query={limited}",
        "/graphql?query=subscription{count(to:1)}",
        "/graphql?query=mutation{bump}",
    ] {
        for accept in [JSON, GRAPHQL, "text/html"] {
            for encodings in ["identity", "gzip"] {
                let request = |method| {
                    let request = client.request(method, server.url(path));
                    request.header(ACCEPT, accept).header(ACCEPT_ENCODING, encodings)
                };
                let expected = head_of(request(Method::GET)).await;
                let response = request(Method::HEAD).send().await.unwrap();
                assert!(response.bytes().await.unwrap().is_empty());
                assert_eq!(head_of(request(Method::HEAD)).await, expected, "{path} {accept} {encodings}");
            }
        }
    }
    let (status, headers) = head_of(client.head(server.url("/graphql?query={hello}"))).await;
    assert_eq!((status, headers["content-length"].as_str()), (200, "32"));
}

#[tokio::test]
async fn head_never_runs_a_mutation() {
    let server = start().await;
    let client = Client::new();
    for accept in [JSON, GRAPHQL, "*/*", EVENTS, MULTIPART] {
        for (path, query) in [
            ("/graphql", "mutation { bump }"),
            ("/graphql/", "mutation { bump }"),
            ("/graphql", "query A { hello } mutation B { bump }"),
        ] {
            let parameters = [("query", query), ("operationName", if query.contains('A') { "B" } else { "" })];
            let request = client.head(server.url(path)).header(ACCEPT, accept).query(&parameters);
            let (status, headers) = head_of(request).await;
            assert_eq!((status, headers["allow"].as_str()), (405, "POST"), "{accept} {query}");
        }
    }
    assert_eq!(server.probe.bumps.load(SeqCst), 0);
}

#[tokio::test]
async fn head_opens_no_stream() {
    let server = start().await;
    let client = Client::new();
    for accept in [EVENTS, MULTIPART] {
        for (query, token, status) in [
            ("subscription { open }", "", 200),
            ("subscription { unknown }", "", 200),
            ("{ held }", "", 200),
            ("subscription { open }", "Bearer good", 200),
            ("subscription { open }", "Bearer bad", 401),
            ("subscription { open }", "Bearer down", 503),
        ] {
            let request = |method| {
                let request = client.request(method, server.url("/graphql")).query(&[("query", query)]);
                request.header(ACCEPT, accept).header(AUTHORIZATION, token)
            };
            let head = head_of(request(Method::HEAD)).await;
            assert_eq!((server.probe.live.load(SeqCst), server.probe.holding.load(SeqCst)), (0, 0), "{accept} {query}");
            assert_eq!(head, head_of(request(Method::GET)).await, "{accept} {query}");
            assert_eq!(head.0, status);
            assert!(!head.1.contains_key("content-length") || status != 200, "a stream has no length: {head:?}");
            let idle = || server.probe.live.load(SeqCst) + server.probe.holding.load(SeqCst) == 0;
            eventually("the stream of GET is closed", idle).await;
        }
    }
    let ticket = [("query", "subscription { viewer }"), ("ticket", "good")];
    let (status, _) = head_of(client.head(server.url("/graphql")).header(ACCEPT, EVENTS).query(&ticket)).await;
    assert_eq!(status, 200, "a ticket is checked as for GET");
    let ticket = [("query", "subscription { viewer }"), ("ticket", "bad")];
    let (status, _) = head_of(client.head(server.url("/graphql")).header(ACCEPT, EVENTS).query(&ticket)).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn options_names_the_methods_of_the_path() {
    let server = start().await;
    let client = Client::new();
    for (path, status, allow) in [
        ("/graphql", 204, Some("GET,HEAD,POST")),
        ("/graphql/", 204, Some("GET,HEAD,POST")),
        ("/healthz", 204, Some("GET,HEAD")),
        ("/schema.graphql", 204, Some("GET,HEAD")),
        ("/", 204, Some("GET,HEAD")),
        ("/nowhere", 404, None),
    ] {
        for origin in [None, Some("https://evil.example.com")] {
            let mut request = client.request(Method::OPTIONS, server.url(path));
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let (found, headers) = head_of(request).await;
            assert_eq!((found, headers.get("allow").map(String::as_str)), (status, allow), "{path}");
            assert!(!headers.contains_key("access-control-allow-origin"), "{path}");
        }
    }
    let answer = exchange(&server, "OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

/// Sends a request and reads the response up to `end`.
async fn exchange(server: &Server, request: &str, end: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&answer).contains(end) {
        let read = timeout(TIMEOUT, stream.read(&mut buffer)).await.expect("a response in time").unwrap();
        assert!(read > 0, "{request}: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(answer).unwrap()
}

const HANDSHAKE: &str = "connection: keep-alive, Upgrade\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n";

#[tokio::test]
async fn upgrades_to_unknown_protocols_are_ignored() {
    let server = start().await;
    let h2c = "connection: Upgrade, HTTP2-Settings\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\nupgrade: h2c\r\n";
    let hello = r#"{"data":{"hello":"hello world"}}"#;
    for headers in [
        h2c,
        "upgrade: h2c\r\n",
        "connection: upgrade\r\nupgrade: TLS/1.0\r\n",
        "connection: upgrade\r\nupgrade: foo, bar/2\r\n",
        "connection: upgrade\r\nupgrade:\r\n",
        "connection: upgrade\r\nupgrade: ,\r\n",
        "connection: upgrade\r\n",
        &format!("{HANDSHAKE}upgrade: websockets\r\n"),
        &format!("{HANDSHAKE}upgrade: web socket\r\n"),
        &format!("{HANDSHAKE}upgrade: websocket/12\r\n"),
    ] {
        for (request, body) in [
            ("GET /graphql?query={hello} HTTP/1.1\r\nhost: x\r\n", ""),
            (
                "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 19\r\n",
                r#"{"query":"{hello}"}"#,
            ),
        ] {
            let answer = exchange(&server, &format!("{request}{headers}\r\n{body}"), hello).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{request}{headers}: {answer}");
            assert!(!answer.contains("upgrade:"), "{answer}");
        }
    }
    // The connection goes on with the next request.
    let get = "GET /graphql?query={hello} HTTP/1.1\r\nhost: x\r\n";
    let answer = exchange(&server, &format!("{get}{h2c}\r\n{get}connection: close\r\n\r\n"), "connection: close").await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
}

#[tokio::test]
async fn only_a_get_of_http_1_1_opens_a_websocket() {
    let server = start().await;
    for (request, status, end) in [
        ("GET /graphql HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n", "101", "\r\n\r\n"),
        ("GET /graphql/ HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n", "101", "\r\n\r\n"),
        ("GET /graphql HTTP/1.1\r\nhost: x\r\nupgrade: foo, WebSocket\r\n", "101", "\r\n\r\n"),
        ("GET /graphql HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\nupgrade: websocket,bar\r\n", "101", "\r\n\r\n"),
        ("GET /graphql?query={hello} HTTP/1.0\r\nhost: x\r\nupgrade: websocket\r\n", "200", "hello world"),
        ("HEAD /graphql?query={hello} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n", "200", "\r\n\r\n"),
        ("GET /healthz HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n", "200", "ok"),
    ] {
        let answer = exchange(&server, &format!("{request}{HANDSHAKE}\r\n"), end).await;
        let line = answer.lines().next().unwrap();
        assert_eq!(line.split(' ').nth(1), Some(status), "{request}: {answer}");
    }
    let post = "POST /graphql HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\ncontent-type: application/json\r\n";
    let body = r#"{"query":"{hello}"}"#;
    let request = format!("{post}{HANDSHAKE}content-length: {}\r\n\r\n{body}", body.len());
    assert!(exchange(&server, &request, "hello world").await.starts_with("HTTP/1.1 200"));
    // A request for a WebSocket that is no valid handshake is refused, with a hint for the client.
    for broken in [
        "connection: keep-alive\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "connection: upgrade\r\nsec-websocket-version: 13\r\n",
        "connection: upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ] {
        let request = format!("GET /graphql?query={{hello}} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n{broken}\r\n");
        let answer = exchange(&server, &request, "version 13").await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("sec-websocket-version: 13"), "{answer}");
    }
}

/// Posts by a browser's form or script with an upgrade are still checked like any other.
#[tokio::test]
async fn an_ignored_upgrade_changes_no_check() {
    let server = start().await;
    let client = Client::new();
    let request = client.get(server.url("/graphql?query={hello}")).header("upgrade", "h2c");
    let (status, _) = head_of(request.header("origin", "https://evil.example.com")).await;
    assert_eq!(status, 403);
    let request = client.get(server.url("/graphql?query=mutation{bump}")).header("upgrade", "h2c");
    let (status, headers) = head_of(request).await;
    assert_eq!((status, headers["allow"].as_str()), (405, "POST"));
    let request = client.post(server.url("/graphql")).header("upgrade", "h2c").header(CONTENT_TYPE, "text/plain");
    assert_eq!(head_of(request.body(r#"{"query":"mutation{bump}"}"#)).await.0, 415);
    assert_eq!(server.probe.bumps.load(SeqCst), 0);
}
