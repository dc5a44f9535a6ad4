//! GraphQL over HTTP: media types, statuses, headers, GET and POST.

use std::{io::Read as _, sync::atomic::Ordering::SeqCst, time::Duration};

use orderwire::http::HttpOptions;
use reqwest::{
    Client, Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use serde_json::json;

use crate::{
    http_support::{GRAPHQL, JSON, Reply, Server, eventually, http_options, post},
    support::ws,
};

async fn start() -> (Server, Client) {
    (Server::start(HttpOptions { body_limit: 64 * 1024, ..http_options() }).await, Client::new())
}

#[tokio::test]
async fn responses_use_the_accepted_media_type() {
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
            let answer = Reply::send(request).await;
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
async fn status_codes_depend_on_the_media_type() {
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
        (json!({"query": "{ limited }"}), 429, 429, false),
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
async fn only_json_bodies_are_accepted() {
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
        let answer = Reply::send(request).await;
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
        (vec![("query", "mutation {")], 400, "syntax error"),
        (vec![("query", "subscription { count(to: 1) }")], 400, ""),
        (vec![], 400, "`query` is missing"),
        (vec![("query", "")], 400, "`query` is missing"),
        (vec![("query", "{ hello }"), ("query", "{ viewer }")], 400, "given twice"),
        (vec![("query", "{ hello }"), ("variables", "[1]")], 400, "`variables` must be an object"),
        (vec![("query", "{ hello }"), ("variables", "{")], 400, "`variables` is not valid JSON"),
        (vec![("query", "{ hello }"), ("extensions", "7")], 400, "`extensions` must be an object"),
    ] {
        let request = client.get(server.url("/graphql")).header(ACCEPT, GRAPHQL).query(&parameters);
        let answer = Reply::send(request).await;
        assert_eq!(answer.status, status, "{parameters:?}: {}", answer.body);
        assert!(answer.body.to_string().contains(expected), "{parameters:?}: {}", answer.body);
        if status == 405 {
            assert_eq!(answer.header("allow"), "POST");
        }
    }
    assert_eq!(server.probe.bumps.load(SeqCst), 0);
}

#[tokio::test]
async fn the_bearer_token_decides_the_viewer() {
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
            let answer = Reply::send(request.body(r#"{"query":"{ viewer }"}"#)).await;
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
async fn a_panic_is_an_internal_error_with_the_request_id() {
    let (server, client) = start().await;
    let request = |token: &str| {
        let request = client.post(server.url("/graphql")).header(CONTENT_TYPE, JSON).header("x-request-id", "mine-1");
        request.header(AUTHORIZATION, token).body(r#"{"query":"{ panics }"}"#)
    };
    for token in ["Bearer panic", "Bearer good"] {
        let answer = Reply::send(request(token)).await;
        assert_eq!((answer.status, answer.code()), (500, "INTERNAL"));
        assert_eq!(answer.body["errors"][0]["extensions"]["requestId"], "mine-1");
        assert_eq!(answer.header("x-request-id"), "mine-1");
        assert!(!answer.body.to_string().contains("cheese"), "{}", answer.body);
    }
}

/// The headers of every response.
const COMMON: [&str; 8] = [
    "cache-control",
    "content-length",
    "content-type",
    "cross-origin-resource-policy",
    "date",
    "vary",
    "x-content-type-options",
    "x-request-id",
];
/// What the files of web pages have besides.
const PAGE: [(&str, &str); 4] = [
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

#[tokio::test]
async fn data_has_few_headers_and_web_pages_say_what_browsers_may_do_with_them() {
    let (server, client) = start().await;
    for (path, is_page) in [
        ("/graphql?query={hello}", false),
        ("/graphql", false),
        ("/nowhere", false),
        ("/ui/nothing.js", false),
        ("/healthz", false),
        ("/schema.graphql", false),
        ("/", true),
        ("/ui/favicon.svg", true),
    ] {
        let response = client.get(server.url(path)).send().await.unwrap();
        let headers = response.headers();
        let mut expected = COMMON.to_vec();
        if is_page {
            expected.extend(["content-security-policy", "etag"]);
            expected.extend(PAGE.map(|(name, _)| name));
        }
        expected.sort_unstable();
        let mut names: Vec<&str> = headers.keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{path}");
        let common = [("x-content-type-options", "nosniff"), ("cross-origin-resource-policy", "same-origin")];
        for (name, value) in common.into_iter().chain(PAGE.into_iter().filter(|_| is_page)) {
            assert_eq!(headers[name], value, "{path}");
        }
        assert_eq!(headers["cache-control"], if is_page { "no-cache" } else { "no-store" }, "{path}");
        assert_eq!(headers["x-request-id"].len(), 26, "{path}");
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        assert!(is_page || bytes < 400, "{path}: {bytes} bytes of headers");
    }
    // What a page of another origin may read is said to pages of other origins only.
    let foreign = client.get(server.url("/graphql?query={hello}")).header("origin", "https://evil.example.com");
    let response = foreign.send().await.unwrap();
    assert!(response.headers().contains_key("access-control-expose-headers"), "{:?}", response.headers());
}

#[tokio::test]
async fn a_request_id_is_made_or_kept_if_it_is_plain() {
    let (server, client) = start().await;
    for (sent, kept) in [("abc-1.2_3", true), ("a b", false), (&*"x".repeat(65), false), ("a\"b", false), ("", false)] {
        let request = client.post(server.url("/graphql")).header(CONTENT_TYPE, JSON).header("x-request-id", sent);
        let answer = Reply::send(request.body(r#"{"query":"{ hello }"}"#)).await;
        assert_eq!(answer.header("x-request-id") == sent, kept, "{sent}");
        assert!(!answer.header("x-request-id").is_empty(), "{sent}");
    }
}

#[tokio::test]
async fn hsts_is_sent_when_configured() {
    let day = Duration::from_secs(86_400);
    let server = Server::start(HttpOptions { hsts: Some(day), ..http_options() }).await;
    for path in ["/graphql", "/", "/nowhere"] {
        let response = Client::new().get(server.url(path)).send().await.unwrap();
        assert_eq!(response.headers()["strict-transport-security"], "max-age=86400", "{path}");
    }
}

#[tokio::test]
async fn large_responses_are_compressed_as_the_client_prefers() {
    let (server, client) = start().await;
    let ask = async |query: &str, encodings: &str, accept: &str| {
        let request = client.post(server.url("/graphql")).header(ACCEPT, accept).header("accept-encoding", encodings);
        request.json(&json!({ "query": query })).send().await.unwrap()
    };
    let coding = |response: &reqwest::Response| {
        response.headers().get("content-encoding").map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    for (query, encodings, accept, expected) in [
        ("{ large(bytes: 2000) }", "gzip", JSON, "gzip"),
        ("{ large(bytes: 2000) }", "gzip;q=0.5, br", JSON, "br"),
        ("{ large(bytes: 2000) }", "zstd", GRAPHQL, "zstd"),
        ("{ large(bytes: 2000) }", "gzip, deflate, br, zstd", GRAPHQL, "zstd"),
        ("{ large(bytes: 2000) }", "identity", JSON, ""),
        ("{ large(bytes: 2000) }", "gzip;q=0", JSON, ""),
        ("{ large(bytes: 900) }", "gzip", JSON, ""),
        ("mutation { large(bytes: 2000) }", "gzip", JSON, ""),
        ("{ large(bytes: 2000) }", "gzip", "text/event-stream", ""),
        ("subscription { flood(bytes: 2000) }", "gzip", "multipart/mixed;subscriptionSpec=1.0", ""),
    ] {
        let response = ask(query, encodings, accept).await;
        assert_eq!(coding(&response), expected, "{query} {encodings} {accept}");
        let size = if query.contains("flood") { continue } else { response.bytes().await.unwrap().len() };
        assert_eq!(size < 500, !expected.is_empty(), "{query} {encodings} {accept}: {size} bytes");
    }
    let gzipped = ask("{ large(bytes: 2000) }", "gzip", JSON).await.bytes().await.unwrap();
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&*gzipped).read_to_string(&mut plain).unwrap();
    assert_eq!(plain, format!(r#"{{"data":{{"large":"{}"}}}}"#, "x".repeat(2000)));
}

#[tokio::test]
async fn operations_over_the_time_limit_are_dropped() {
    let options = HttpOptions { execution_timeout: Duration::from_millis(100), ..http_options() };
    let server = Server::start(options).await;
    let client = Client::new();
    let is_idle = || server.probe.holding.load(SeqCst) == 0;
    let message = "took longer than 100ms and was given up";
    for (query, advice) in [("{ held }", "Ask for less"), ("mutation { held }", "its outcome is unknown")] {
        let answer = post(&server, &client, GRAPHQL, json!({ "query": query }).to_string()).await;
        assert_eq!((answer.status, answer.code()), (503, "UNAVAILABLE"), "{query}");
        assert!(answer.message().contains(message) && answer.message().contains(advice), "{}", answer.message());
        eventually("the work is dropped", is_idle).await;
    }
    let open_message = "took longer than 100ms to open and was given up";
    for (query, message) in
        [("{ held }", message), ("mutation { held }", message), ("subscription { held }", open_message)]
    {
        let request =
            client.post(server.url("/graphql")).header(CONTENT_TYPE, JSON).header(ACCEPT, "text/event-stream");
        let body = json!({ "query": query }).to_string();
        let events = request.body(body).send().await.unwrap().text().await.unwrap();
        assert!(events.contains(message) && events.ends_with("event: complete\ndata:\n\n"), "{events}");
        eventually("the work is dropped", is_idle).await;

        let mut socket = ws::Client::open(server.address).await;
        socket.subscribe("1", query).await;
        let error = socket.receive().await;
        assert_eq!(error["type"], "error");
        assert_eq!(error["payload"][0]["extensions"]["code"], "UNAVAILABLE");
        assert!(error["payload"][0]["message"].as_str().unwrap().contains(message), "{error}");
        eventually("the work is dropped", is_idle).await;
    }
}

#[tokio::test]
async fn wrong_paths_and_methods_are_json_errors() {
    let (server, client) = start().await;
    for (method, path, status, allow) in [
        (Method::GET, "/nowhere", 404, ""),
        (Method::POST, "/graphql//", 404, ""),
        (Method::GET, "/ui/assets/none.js", 404, ""),
        (Method::GET, "/ui/../Cargo.toml", 404, ""),
        (Method::GET, "/ui/%2e%2e/Cargo.toml", 404, ""),
        (Method::PUT, "/graphql", 405, "GET,HEAD,POST"),
        (Method::DELETE, "/graphql/", 405, "GET,HEAD,POST"),
        (Method::POST, "/healthz", 405, "GET,HEAD"),
        (Method::POST, "/", 405, "GET,HEAD"),
    ] {
        let answer = Reply::send(client.request(method.clone(), server.url(path))).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(!answer.message().is_empty());
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
}
