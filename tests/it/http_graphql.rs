//! GraphQL over HTTP.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use orderwire::http::HttpOptions;
use reqwest::{
    Client, Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::http_support::Server;

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

async fn start() -> (Server, Client) {
    (Server::start(HttpOptions { body_limit: 64 * 1024, ..HttpOptions::default() }).await, Client::new())
}

struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Answer {
    async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: not JSON: {text}"));
        Self { status, headers, body }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"].as_str().unwrap_or("")
    }

    fn message(&self) -> &str {
        self.body["errors"][0]["message"].as_str().unwrap_or("")
    }
}

async fn post(server: &Server, client: &Client, accept: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = client.post(server.url("/graphql")).header(CONTENT_TYPE, JSON).header(ACCEPT, accept);
    Answer::of(request.body(body)).await
}

#[tokio::test]
async fn answers_in_the_media_type_that_is_accepted() {
    let (server, client) = start().await;
    for (accept, expected) in [
        (None, Some(JSON)),
        (Some("*/*"), Some(JSON)),
        (Some(JSON), Some(JSON)),
        (Some(GRAPHQL), Some(GRAPHQL)),
        (Some("application/graphql-response+json; charset=utf-8, application/json;q=0.5"), Some(GRAPHQL)),
        (Some("text/html"), None),
        (Some("multipart/mixed;deferSpec=20220824"), None),
        (Some("multipart/mixed;subscriptionSpec=1.0, application/json"), Some(JSON)),
        (Some("application/json;charset=latin1"), None),
    ] {
        for method in [Method::POST, Method::GET] {
            let mut request = client.request(method.clone(), server.url("/graphql?query={hello}"));
            if method == Method::POST {
                request = request.header(CONTENT_TYPE, JSON).body(r#"{"query":"{ hello }"}"#);
            }
            if let Some(accept) = accept {
                request = request.header(ACCEPT, accept);
            }
            let answer = Answer::of(request).await;
            match expected {
                Some(expected) => {
                    assert_eq!(answer.status, 200, "{accept:?}");
                    assert_eq!(answer.header("content-type"), format!("{expected}; charset=utf-8"), "{accept:?}");
                    assert_eq!(answer.body, json!({"data": {"hello": "hello world"}}));
                }
                None => assert_eq!((answer.status, answer.code()), (406, "BAD_USER_INPUT"), "{accept:?}"),
            }
        }
    }
}

#[tokio::test]
async fn statuses_follow_the_media_type() {
    let (server, client) = start().await;
    // (body, status as JSON, status as GraphQL response, whether `data` is there)
    for (body, legacy, modern, has_data) in [
        (json!({"query": "{ hello }"}), 200, 200, true),
        (json!({"query": "query A { hello } query B { viewer }", "operationName": "B"}), 200, 200, true),
        (json!({"query": "query($n: String) { hello(name: $n) }", "variables": {"n": "you"}}), 200, 200, true),
        (json!({"query": "{ hello }", "variables": null, "operationName": null, "extensions": null}), 200, 200, true),
        (json!({"query": "{ hello }", "unknown": {"fields": [1]}, "extensions": {"any": 1}}), 200, 200, true),
        (json!({"query": "mutation { bump }"}), 200, 200, true),
        (json!({"query": "{ part { broken } }"}), 200, 200, true),
        (json!({"query": "{ fault }"}), 200, 200, true),
        (json!({"query": "{"}), 200, 400, false),
        (json!({"query": ""}), 200, 400, false),
        (json!({"query": "{ hello\u{0} }"}), 200, 400, false),
        (json!({"query": "{ unknown }"}), 200, 400, false),
        (json!({"query": "query A { hello } query B { hello }"}), 200, 400, false),
        (json!({"query": "query A { hello }", "operationName": "B"}), 200, 400, false),
        (json!({"query": "subscription { count(to: 1) }"}), 200, 400, false),
        (json!({"query": "{ limited }"}), 200, 429, false),
    ] {
        for (accept, expected) in [(JSON, legacy), (GRAPHQL, modern)] {
            let answer = post(&server, &client, accept, body.to_string()).await;
            assert_eq!(answer.status, expected, "{body} as {accept}: {}", answer.body);
            assert_eq!(answer.body.get("data").is_some(), has_data, "{body}: {}", answer.body);
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
}

#[tokio::test]
async fn malformed_requests_are_refused_with_a_reason() {
    let (server, client) = start().await;
    let deep = "[".repeat(30_000);
    let deep_variables = format!(r#"{{"query":"{{hello}}","variables":{{"a":{deep}{}}}}}"#, "]".repeat(30_000));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"".into(), "empty"),
        (b"   ".into(), "empty"),
        (b"NONSENSE".into(), "not valid JSON"),
        (b"{\"query\":".into(), "not valid JSON"),
        (b"\"{hello}\"".into(), "must be a JSON object"),
        (b"null".into(), "must be a JSON object"),
        (b"[{\"query\":\"{hello}\"}]".into(), "Batches"),
        (b"[]".into(), "Batches"),
        (b"{}".into(), "`query` is missing"),
        (br#"{"qeury":"{hello}"}"#.into(), "`query` is missing"),
        (br#"{"query":null}"#.into(), "`query` is missing"),
        (br#"{"query":{"a":1}}"#.into(), "`query` must be a string"),
        (br#"{"query":7}"#.into(), "`query` must be a string"),
        (br#"{"query":"\ud800"}"#.into(), "`query` must be a string"),
        (br#"{"query":"{hello}","variables":[7]}"#.into(), "`variables` must be an object"),
        (br#"{"query":"{hello}","variables":"{}"}"#.into(), "`variables` must be an object"),
        (br#"{"query":"{hello}","operationName":1}"#.into(), "`operationName` must be a string"),
        (br#"{"query":"{hello}","extensions":"x"}"#.into(), "`extensions` must be an object"),
        (br#"{"query":"{hello}","query":"{viewer}"}"#.into(), "duplicate field"),
        (br#"{"query":"{hello}"} trailing"#.into(), "not valid JSON"),
        (b"{\"query\":\"{hello}\xff\"}".into(), "not UTF-8"),
        (b"{\"query\":\"{hello}\x00\"}".into(), "not valid JSON"),
        (deep.into_bytes(), "Batches"),
        (format!("{{\"query\":{}", "[".repeat(30_000)).into_bytes(), "not valid JSON"),
        (deep_variables.into_bytes(), "`variables` is not valid JSON: recursion limit"),
        (br#"{"query":"{hello}","variables":{"a":1e999}}"#.into(), "`variables` is not valid JSON"),
    ];
    for (body, reason) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        for accept in [JSON, GRAPHQL] {
            let answer = post(&server, &client, accept, body.clone()).await;
            assert_eq!((answer.status, answer.code()), (400, "BAD_USER_INPUT"), "{shown}");
            assert!(answer.message().contains(reason), "{shown}: {}", answer.message());
            assert!(answer.header("content-type").starts_with(accept));
        }
    }
}

#[tokio::test]
async fn a_deep_document_is_an_error_and_no_crash() {
    let (server, client) = start().await;
    for query in [
        format!("mutation {{ bump(a: {}) }}", "[".repeat(9_000)),
        format!("mutation {{ bump(a: {}{}) }}", "[".repeat(9_000), "]".repeat(9_000)),
        format!("{}{}", "{a".repeat(7_000), "}".repeat(7_000)),
        format!("mutation {}{}", "{a".repeat(7_000), "}".repeat(7_000)),
    ] {
        let answer = post(&server, &client, GRAPHQL, json!({"query": query}).to_string()).await;
        assert_eq!(answer.status, 400);
        let request = client.get(server.url("/graphql")).header(ACCEPT, GRAPHQL).query(&[("query", &query)]);
        let answer = request.send().await.unwrap();
        assert!([400, 414].contains(&answer.status().as_u16()), "{}", answer.status());
    }
    assert_eq!(server.probe.bumps.load(SeqCst), 0);
}

#[tokio::test]
async fn only_json_bodies_are_taken() {
    let (server, client) = start().await;
    for (content_type, encoding, status) in [
        (Some(JSON), None, 200),
        (Some("Application/JSON; charset=UTF-8"), None, 200),
        (Some(JSON), Some("identity"), 200),
        (None, None, 415),
        (Some("text/plain"), None, 415),
        (Some("text/plain; application/json"), None, 415),
        (Some("application/x-www-form-urlencoded"), None, 415),
        (Some("multipart/form-data; boundary=x"), None, 415),
        (Some("application/graphql"), None, 415),
        (Some("application/json; charset=utf-16"), None, 415),
        (Some(JSON), Some("gzip"), 415),
    ] {
        let mut request = client.post(server.url("/graphql")).body(r#"{"query":"mutation { bump }"}"#);
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, status, "{content_type:?} {encoding:?}: {}", answer.body);
    }
    assert_eq!(server.probe.bumps.load(SeqCst), 3);
}

#[tokio::test]
async fn get_runs_queries_and_never_mutations() {
    let (server, client) = start().await;
    let both = "query Read { hello } mutation Write { bump }";
    for (parameters, status, expected) in [
        (vec![("query", "{ hello }")], 200, "hello world"),
        (vec![("query", "query($n: String) { hello(name: $n) }"), ("variables", r#"{"n":"you"}"#)], 200, "hello you"),
        (vec![("query", both), ("operationName", "Read")], 200, "hello world"),
        (vec![("query", "{ hello }"), ("operationName", ""), ("variables", ""), ("extensions", "null")], 200, "hello"),
        (vec![("query", "query mutation { hello }")], 200, "hello world"),
        (vec![("query", "mutation { bump }")], 405, "POST only"),
        (vec![("query", "mutation Write { bump }"), ("operationName", "Other")], 400, "Unknown operation"),
        (vec![("query", "mutation Write { bump }"), ("operationName", "Write")], 405, "POST only"),
        (vec![("query", both), ("operationName", "Write")], 405, "POST only"),
        (vec![("query", both)], 400, "Operation name required"),
        (vec![("query", "mutation {")], 400, "-->"),
        (vec![("query", "subscription { count(to: 1) }")], 400, ""),
        (vec![], 400, "`query` is missing"),
        (vec![("query", "")], 400, "`query` is missing"),
        (vec![("query", "{ hello }"), ("query", "{ viewer }")], 400, "given twice"),
        (vec![("query", "{ hello }"), ("variables", "[1]")], 400, "`variables` must be an object"),
        (vec![("query", "{ hello }"), ("variables", "{")], 400, "`variables` is not valid JSON"),
        (vec![("query", "{ hello }"), ("extensions", "7")], 400, "`extensions` must be an object"),
    ] {
        let request = client.get(server.url("/graphql")).header(ACCEPT, GRAPHQL).query(&parameters);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, status, "{parameters:?}: {}", answer.body);
        assert!(answer.body.to_string().contains(expected), "{parameters:?}: {}", answer.body);
        if status == 405 {
            assert_eq!(answer.header("allow"), "POST");
        }
    }
    assert_eq!(server.probe.bumps.load(SeqCst), 0);
}

#[tokio::test]
async fn the_token_decides_who_asks() {
    let (server, client) = start().await;
    for (token, status, code) in [
        (None, 200, ""),
        (Some("Bearer good"), 200, ""),
        (Some("Bearer bad"), 401, "UNAUTHENTICATED"),
        (Some("Basic eDp5"), 401, "UNAUTHENTICATED"),
        (Some("Bearer down"), 503, "UNAVAILABLE"),
        (Some("Bearer \u{e9}"), 400, "BAD_USER_INPUT"),
    ] {
        for accept in [JSON, GRAPHQL] {
            let mut request = client.post(server.url("/graphql")).header(CONTENT_TYPE, JSON).header(ACCEPT, accept);
            if let Some(token) = token {
                request = request.header(AUTHORIZATION, token);
            }
            let answer = Answer::of(request.body(r#"{"query":"{ viewer }"}"#)).await;
            assert_eq!((answer.status, answer.code()), (status, code), "{token:?}");
            assert_eq!(answer.header("www-authenticate").starts_with("Bearer"), status == 401);
            if status == 200 {
                let expected = if token.is_some() { "System" } else { "Anonymous" };
                assert_eq!(answer.body["data"]["viewer"], expected);
            }
        }
    }
}

#[tokio::test]
async fn large_slow_and_broken_bodies_are_refused() {
    let (server, client) = start().await;
    let large = format!(r#"{{"query":"{{ hello }}","x":"{}"}}"#, "x".repeat(10_000_000));
    let answer = post(&server, &client, JSON, large).await;
    assert_eq!((answer.status, answer.code()), (413, "BAD_USER_INPUT"));
    let exact = format!(r#"{{"query":"{{ hello }}","x":"{}"}}"#, "x".repeat(64 * 1024 - 28));
    for (body, status) in [(exact.clone(), 200), (format!("{exact} "), 413)] {
        assert_eq!(post(&server, &client, JSON, body).await.status, status);
    }

    let options = HttpOptions { body_timeout: Duration::from_millis(100), ..HttpOptions::default() };
    let hasty = Server::start(options).await;
    let head = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let slow = exchange(&hasty, &format!("{head}content-length: 100\r\n\r\n{{\"query\""), false).await;
    assert!(slow.starts_with("HTTP/1.1 408"), "{slow}");
    for (request, status) in [
        (format!("{head}content-length: 100\r\n\r\n{{\"query\""), "400"),
        (format!("{head}transfer-encoding: chunked\r\n\r\n5\r\n{{\"qu"), "400"),
        (format!("{head}content-length: 99999999\r\nexpect: 100-continue\r\n\r\n"), "413"),
        ("GARBAGE\r\n\r\n".to_owned(), "400"),
        (format!("GET /graphql?query={} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(70_000)), "414"),
    ] {
        // Some of these connections are simply closed; none is answered with anything else.
        let answer = exchange(&server, &request, true).await;
        assert!(answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status}")), "{request:.80}: {answer}");
    }
    assert_eq!(post(&server, &client, JSON, r#"{"query":"{ hello }"}"#).await.status, 200);
}

/// Sends bytes and reads what comes, until the server closes or (without `end`) has answered.
async fn exchange(server: &Server, request: &str, end: bool) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    if end {
        stream.shutdown().await.unwrap();
    }
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), async {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..read]);
            if answer.ends_with(b"}") {
                break;
            }
        }
    })
    .await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_panic_is_an_internal_error_with_the_request_id() {
    let (server, client) = start().await;
    let request = |token: &str| {
        let request = client.post(server.url("/graphql")).header(CONTENT_TYPE, JSON).header("x-request-id", "mine-1");
        request.header(AUTHORIZATION, token).body(r#"{"query":"{ panics }"}"#)
    };
    for token in ["Bearer panic", "Bearer good"] {
        let answer = Answer::of(request(token)).await;
        assert_eq!((answer.status, answer.code()), (500, "INTERNAL"));
        assert_eq!(answer.body["errors"][0]["extensions"]["requestId"], "mine-1");
        assert_eq!(answer.header("x-request-id"), "mine-1");
        assert!(!answer.body.to_string().contains("cheese"), "{}", answer.body);
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_security_headers() {
    let (server, client) = start().await;
    for path in ["/graphql", "/nowhere", "/healthz", "/", "/schema.graphql"] {
        let response = client.get(server.url(path)).send().await.unwrap();
        for (name, expected) in
            [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("x-frame-options", "DENY")]
        {
            assert_eq!(response.headers()[name], expected, "{path}");
        }
        assert_eq!(response.headers()["x-request-id"].len(), 26, "{path}");
    }
    for (sent, kept) in [("abc-1.2_3", true), ("a b", false), (&*"x".repeat(65), false), ("a\"b", false), ("", false)] {
        let request = client.post(server.url("/graphql")).header(CONTENT_TYPE, JSON).header("x-request-id", sent);
        let answer = Answer::of(request.body(r#"{"query":"{ hello }"}"#)).await;
        assert_eq!(answer.header("x-request-id") == sent, kept, "{sent}");
        assert!(!answer.header("x-request-id").is_empty(), "{sent}");
    }
}

#[tokio::test]
async fn wrong_paths_and_methods_are_json_errors() {
    let (server, client) = start().await;
    for (method, path, status, allow) in [
        (Method::GET, "/nowhere", 404, ""),
        (Method::POST, "/graphql/", 404, ""),
        (Method::GET, "/ui/assets/none.js", 404, ""),
        (Method::GET, "/ui/../Cargo.toml", 404, ""),
        (Method::GET, "/ui/%2e%2e/Cargo.toml", 404, ""),
        (Method::PUT, "/graphql", 405, "GET,HEAD,POST"),
        (Method::DELETE, "/graphql", 405, "GET,HEAD,POST"),
        (Method::POST, "/healthz", 405, "GET,HEAD"),
        (Method::POST, "/", 405, "GET,HEAD"),
    ] {
        let answer = Answer::of(client.request(method.clone(), server.url(path))).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(!answer.message().is_empty());
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
    for path in ["/graphql?query={hello}", "/healthz", "/", "/schema.graphql", "/readyz"] {
        let get = client.get(server.url(path)).send().await.unwrap();
        let head = client.head(server.url(path)).send().await.unwrap();
        assert_eq!(
            (head.status(), head.headers()["content-type"].clone()),
            (StatusCode::OK, get.headers()["content-type"].clone())
        );
        assert!(head.bytes().await.unwrap().is_empty());
    }
}
