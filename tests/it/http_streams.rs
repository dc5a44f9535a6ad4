//! Operations as streams over HTTP: server-sent events and multipart bodies.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use orderwire::http::HttpOptions;
use reqwest::{
    Client, RequestBuilder, Response,
    header::{ACCEPT, AUTHORIZATION, HeaderMap},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    http_support::{Server, eventually, http_options, start},
    support::ws::TIMEOUT,
};

const EVENTS: &str = "text/event-stream";
const MULTIPART: &str = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json";

fn post(server: &Server, accept: &str, query: &str) -> RequestBuilder {
    Client::new().post(server.url("/graphql")).header(ACCEPT, accept).json(&json!({ "query": query }))
}

fn get(server: &Server, query: &str) -> RequestBuilder {
    Client::new().get(server.url("/graphql")).header(ACCEPT, EVENTS).query(&[("query", query)])
}

/// Sends a request and reads the whole body; panics if it does not end.
async fn fetch(request: RequestBuilder) -> (u16, HeaderMap, String) {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, timeout(TIMEOUT, response.text()).await.expect("the end in time").unwrap())
}

/// Reads chunks until `enough` has arrived.
async fn until(response: &mut Response, enough: &str) -> String {
    let mut text = String::new();
    while !text.contains(enough) {
        let chunk = timeout(TIMEOUT, response.chunk()).await.expect("a chunk in time").unwrap();
        text += std::str::from_utf8(&chunk.unwrap_or_else(|| panic!("ended after {text}"))).unwrap();
    }
    text
}

/// Reads the rest of the body.
async fn rest(response: &mut Response) -> String {
    let mut text = String::new();
    while let Some(chunk) = timeout(TIMEOUT, response.chunk()).await.expect("the end in time").unwrap() {
        text += std::str::from_utf8(&chunk).unwrap();
    }
    text
}

fn cursor(number: u64) -> String {
    format!("e00000007{number:016x}")
}

#[tokio::test]
async fn event_streams_send_results_and_then_complete() {
    let server = start().await;
    let next = |number: u64, data: Value| {
        format!("event: next\nid: {}\ndata: {}\n\n", cursor(number), json!({ "data": data }))
    };
    let counted = next(1, json!({"count": 1})) + &next(2, json!({"count": 2}));
    for (query, results) in [
        ("{ hello }", "event: next\ndata: {\"data\":{\"hello\":\"hello world\"}}\n\n".to_owned()),
        ("subscription { count(to: 2) }", counted),
        ("subscription { count(to: 0) }", String::new()),
    ] {
        for (request, opening) in
            [(post(&server, EVENTS, query), ":\n\n"), (get(&server, query), ":\n\nretry: 1000\n\n")]
        {
            let (status, headers, body) = fetch(request).await;
            assert_eq!(status, 200);
            assert_eq!(body, format!("{opening}{results}event: complete\ndata:\n\n"), "{query}");
            for (name, value) in [
                ("content-type", "text/event-stream; charset=utf-8"),
                ("cache-control", "no-store"),
                ("x-accel-buffering", "no"),
                ("transfer-encoding", "chunked"),
            ] {
                assert_eq!(headers[name], value);
            }
            assert!(headers.contains_key("x-request-id"));
        }
    }
    let (_, _, body) = fetch(post(&server, EVENTS, "mutation { bump }")).await;
    assert!(body.contains(r#"data: {"data":{"bump":1}}"#), "{body}");
    assert_eq!(fetch(get(&server, "mutation { bump }")).await.0, 405);
    assert_eq!(server.probe.bumps.load(SeqCst), 1);
}

#[tokio::test]
async fn invalid_documents_are_events_and_invalid_requests_are_statuses() {
    let server = start().await;
    for query in ["{", "{ unknown }", "subscription { unknown }", "subscription { refused }"] {
        let (status, _, body) = fetch(post(&server, EVENTS, query)).await;
        assert_eq!(status, 200, "{query}");
        let data = body.split("event: next\ndata: ").nth(1).or_else(|| body.split("\ndata: ").nth(1)).unwrap();
        let result: Value = serde_json::from_str(data.lines().next().unwrap()).unwrap();
        assert!(result["errors"][0]["message"].is_string(), "{query}: {body}");
        assert!(body.ends_with("event: complete\ndata:\n\n"), "{body}");
    }
    let good = || post(&server, EVENTS, "{ hello }");
    for (request, status, code) in [
        (good().header(AUTHORIZATION, "Bearer bad"), 401, "UNAUTHENTICATED"),
        (good().header(AUTHORIZATION, "Bearer down"), 503, "UNAVAILABLE"),
        (good().header("last-event-id", "nonsense"), 400, "BAD_USER_INPUT"),
        (good().body("{}"), 400, "BAD_USER_INPUT"),
        (good().header("content-encoding", "gzip"), 415, "BAD_USER_INPUT"),
    ] {
        let (found, headers, body) = fetch(request).await;
        assert_eq!(found, status, "{body}");
        assert_eq!(headers["content-type"], "application/json; charset=utf-8");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["errors"][0]["extensions"]["code"], code);
    }
}

#[tokio::test]
async fn the_last_event_id_resumes_the_stream() {
    let server = start().await;
    let query = "subscription { resumed }";
    let given = cursor(42);
    for request in [post(&server, EVENTS, query), get(&server, query), post(&server, MULTIPART, query)] {
        let (_, _, body) = fetch(request.try_clone().unwrap().header("last-event-id", &given)).await;
        assert!(body.contains(&format!(r#"{{"data":{{"resumed":"{given}"}}}}"#)), "{body}");
        let (_, _, body) = fetch(request.header("last-event-id", "")).await;
        assert!(body.contains(r#"{"data":{"resumed":null}}"#), "{body}");
    }
}

#[tokio::test]
async fn streams_send_heartbeats_with_the_position_to_resume_from() {
    let server = Server::start(HttpOptions { keep_alive: Duration::from_millis(50), ..http_options() }).await;
    let query = "subscription { open }";
    let mut events = get(&server, "subscription { silent }").send().await.unwrap();
    let text = until(&mut events, "data:").await;
    assert_eq!(text, format!(":\n\nretry: 1000\n\n:\n\nid: {}\ndata:\n\n", cursor(0)));
    assert_eq!(until(&mut events, ":").await, ":\n\n", "the retry time is sent once");
    let mut posted = post(&server, EVENTS, query).send().await.unwrap();
    until(&mut posted, "data:").await;
    assert_eq!(until(&mut posted, ":").await, ":\n\n");
    let mut multipart = post(&server, MULTIPART, query).send().await.unwrap();
    until(&mut multipart, "open").await;
    assert!(until(&mut multipart, "{}").await.contains("\r\ncontent-type: application/json\r\n\r\n{}\r\n--graphql"));
    drop((events, posted, multipart));
    eventually("the streams of clients that left are dropped", || server.probe.live.load(SeqCst) == 0).await;
}

#[tokio::test]
async fn heartbeats_tell_idle_streams_how_far_they_are() {
    let server = Server::start(HttpOptions { keep_alive: Duration::from_millis(50), ..http_options() }).await;
    let query = "subscription { open }";
    let with_cursors = "multipart/mixed;subscriptionSpec=1.0;cursors=true";
    let told: [fn(&str) -> String; 3] = [
        |cursor| format!("id: {cursor}\ndata:\n\n"),
        |cursor| format!("\nid: {cursor}\n\n"),
        |cursor| format!(r#"{{"extensions":{{"cursor":"{cursor}"}}}}"#),
    ];
    let mut streams = Vec::new();
    for request in [get(&server, query), post(&server, EVENTS, query), post(&server, with_cursors, query)] {
        let mut response = request.send().await.unwrap();
        until(&mut response, "open").await;
        streams.push(response);
    }
    let mut unaware = post(&server, MULTIPART, query).send().await.unwrap();
    until(&mut unaware, "open").await;
    for passed in [5, 6] {
        server.probe.passed.store(passed, SeqCst);
        // The stream's only answer has the cursor 1.
        let position = cursor(1 + passed.cast_unsigned());
        for ((response, told), heartbeat) in streams.iter_mut().zip(told).zip([":\n\n", ":\n\n", "{}"]) {
            until(response, &told(&position)).await;
            let next = until(response, heartbeat).await;
            assert!(!next.contains(&position), "told once: {next}");
        }
        for _ in 0..2 {
            let heartbeat = until(&mut unaware, "{}").await;
            assert!(!heartbeat.contains("extensions"), "not asked for: {heartbeat}");
        }
    }
}

fn part(content: &Value) -> String {
    format!("\r\ncontent-type: application/json\r\n\r\n{content}\r\n--graphql")
}

#[tokio::test]
async fn multipart_bodies_have_one_part_per_result() {
    let server = start().await;
    let opening = format!("\r\n--graphql{}", part(&json!({})));
    let payload = |data: Value| part(&json!({"payload": {"data": data}}));
    for (query, parts) in [
        ("subscription { count(to: 2) }", vec![payload(json!({"count": 1})), payload(json!({"count": 2}))]),
        ("subscription { count(to: 0) }", vec![]),
    ] {
        let (status, headers, body) = fetch(post(&server, MULTIPART, query)).await;
        assert_eq!(status, 200);
        assert_eq!(headers["content-type"], r#"multipart/mixed;boundary="graphql";subscriptionSpec=1.0"#);
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(body, format!("{opening}{}--\r\n", parts.concat()));
    }
    let (_, _, body) = fetch(post(&server, MULTIPART, "subscription { refused }")).await;
    assert!(body.contains(r#"{"payload":{"errors":[{"message":"not for you""#), "{body}");
    let (_, headers, body) = fetch(post(&server, MULTIPART, "subscription { unknown }")).await;
    assert!(body.starts_with(r#"{"errors":[{"message":"Cannot query field"#), "there is no subscription: {body}");
    assert!(headers["content-type"].to_str().unwrap().starts_with("application/json"));
    let (_, _, body) = fetch(post(&server, MULTIPART, "subscription { panics }")).await;
    assert!(body.contains(r#"{"payload":null,"errors":[{"message":"Internal error""#), "{body}");
    assert!(body.contains("requestId") && body.ends_with("\r\n--graphql--\r\n"), "{body}");
    // A query has one result: it is sent as JSON if the client accepts that, else as a part.
    let (_, headers, _) = fetch(post(&server, MULTIPART, "{ hello }")).await;
    assert_eq!(headers["content-type"], "application/json; charset=utf-8");
    let (_, _, body) = fetch(post(&server, "multipart/mixed;subscriptionSpec=1.0", "{ hello }")).await;
    assert!(body.contains(r#"{"payload":{"data":{"hello":"hello world"}}}"#), "{body}");
}

#[tokio::test]
async fn a_panic_ends_the_stream_with_the_request_id() {
    let server = start().await;
    let (_, _, body) = fetch(post(&server, EVENTS, "subscription { panics }").header("x-request-id", "mine")).await;
    let last = r#"event: next
data: {"errors":[{"message":"Internal error","extensions":{"code":"INTERNAL","requestId":"mine"}}]}

event: complete
data:

"#;
    assert!(body.ends_with(last) && !body.contains("cheese"), "{body}");
}

#[tokio::test]
async fn streams_end_when_the_token_expires_or_the_session_ends() {
    let server = start().await;
    for (accept, fatal, end) in [
        (EVENTS, r#"data: {"errors":[{"message":"#, "event: complete\ndata:\n\n"),
        (MULTIPART, r#"{"payload":null,"errors":[{"message":"#, "\r\n--graphql--\r\n"),
    ] {
        let request = post(&server, accept, "subscription { open }").header(AUTHORIZATION, "Bearer short");
        let (_, _, body) = fetch(request).await;
        assert!(body.contains(&format!(r#"{fatal}"the access token has expired","#)), "{body}");
        assert!(body.contains(r#""code":"UNAUTHENTICATED""#) && body.ends_with(end), "{body}");
    }
    let open = |accept| {
        post(&server, accept, "subscription { open }").header(AUTHORIZATION, "Bearer user anna customer 60000").send()
    };
    let (mut events, mut multipart) = (open(EVENTS).await.unwrap(), open(MULTIPART).await.unwrap());
    until(&mut events, "\"open\"").await;
    until(&mut multipart, "\"open\"").await;
    server.probe.sessions_end.cancel();
    for response in [&mut events, &mut multipart] {
        let text = rest(response).await;
        assert!(text.contains("the session has ended; sign in again"), "{text}");
    }
    eventually("all streams are gone", || server.probe.live.load(SeqCst) == 0).await;
}

#[tokio::test]
async fn a_slow_reader_of_a_stream_delays_no_other() {
    let server = start().await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let request =
        "GET /graphql?query=subscription{flood(bytes:10000)} HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n";
    slow.write_all(request.as_bytes()).await.unwrap();
    assert!(slow.read(&mut [0; 64]).await.unwrap() > 0);
    let produced = || server.probe.produced.load(SeqCst);
    let before = server.held_up().await;
    assert_eq!(fetch(post(&server, EVENTS, "{ hello }")).await.0, 200);
    assert_eq!(produced(), before);
    drop(slow);
    eventually("its stream is gone", || server.probe.live.load(SeqCst) == 0).await;
}

#[tokio::test]
async fn shutdown_ends_streams_with_a_retry_and_answers_running_queries() {
    let options = HttpOptions { drain_spread: Duration::from_millis(50), ..http_options() };
    let mut server = Server::start(options).await;
    let (mut events, mut multipart) = (
        post(&server, EVENTS, "subscription { open }").send().await.unwrap(),
        post(&server, MULTIPART, "subscription { open }").send().await.unwrap(),
    );
    until(&mut events, "\"open\"").await;
    until(&mut multipart, "\"open\"").await;
    let held = tokio::spawn(fetch(post(&server, EVENTS, "{ held }")));
    eventually("the query runs", || server.probe.holding.load(SeqCst) == 1).await;
    server.shutdown.cancel();
    assert!(!rest(&mut events).await.contains("complete"), "complete would tell the client not to come back");
    let text = rest(&mut multipart).await;
    assert!(text.contains(r#"{"payload":null,"errors":["#) && text.contains("UNAVAILABLE"), "{text}");
    assert!(text.ends_with("\r\n--graphql--\r\n"), "{text}");
    server.probe.release.notify_waiters();
    assert!(held.await.unwrap().2.ends_with("event: complete\ndata:\n\n"));
    timeout(TIMEOUT, &mut server.serving).await.expect("the end").unwrap();
}

#[tokio::test]
async fn a_ticket_opens_only_the_event_stream_it_was_made_for() {
    let server = start().await;
    let query = "subscription { viewer }";
    let with = |request: RequestBuilder, ticket: &str| request.query(&[("ticket", ticket)]);
    let again = cursor(1);
    for request in [
        with(get(&server, query), "good"),
        with(get(&server, query), "good").header("last-event-id", &again),
        with(get(&server, query), "late").header("last-event-id", &again),
        // Variables that the document does not declare do not count.
        with(get(&server, query), "good").query(&[("variables", r#"{"a":1}"#)]),
    ] {
        let (status, _, body) = fetch(request).await;
        assert!(status == 200 && body.contains("role: Customer"), "{status}: {body}");
    }
    let plain = Client::new().get(server.url("/graphql")).query(&[("query", "{ hello }")]);
    for (request, status, code) in [
        (with(get(&server, query), "late"), 401, "UNAUTHENTICATED"),
        (with(get(&server, query), "bad"), 401, "UNAUTHENTICATED"),
        (with(get(&server, query), ""), 401, "UNAUTHENTICATED"),
        (with(get(&server, "subscription { count(to: 1) }"), "good"), 401, "UNAUTHENTICATED"),
        (with(get(&server, query), "good").query(&[("operationName", "Other")]), 401, "UNAUTHENTICATED"),
        (with(with(get(&server, query), "good"), "good"), 400, "BAD_USER_INPUT"),
        (with(get(&server, query), "good").header(AUTHORIZATION, "Bearer good"), 400, "BAD_USER_INPUT"),
        (with(post(&server, EVENTS, query), "good"), 400, "BAD_USER_INPUT"),
        (with(post(&server, MULTIPART, query), "good"), 400, "BAD_USER_INPUT"),
        (with(plain, "good"), 400, "BAD_USER_INPUT"),
    ] {
        let (found, _, body) = fetch(request).await;
        let body: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{found}: {body}"));
        assert_eq!((found, &body["errors"][0]["extensions"]["code"]), (status, &json!(code)), "{body}");
    }
}
