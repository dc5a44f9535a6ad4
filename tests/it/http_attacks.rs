//! Attacks from the public internet: each one gets the proper refusal, and the server keeps working.

use std::{
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use orderwire::http::{HttpOptions, ServerLimits};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    http_support::{GRAPHQL, JSON, Server, http_options, post},
    support::ws::{self, TIMEOUT},
};

const BODY_TIMEOUT: Duration = Duration::from_millis(400);
const HEAD_TIMEOUT: Duration = Duration::from_millis(300);

async fn start() -> (Server, Client) {
    let limits = ServerLimits {
        url: 2000,
        headers: 32,
        head: 4000,
        head_timeout: HEAD_TIMEOUT,
        idle_timeout: Duration::from_secs(4),
        ..http_options().limits
    };
    let options = HttpOptions { body_limit: 64 * 1024, body_timeout: BODY_TIMEOUT, limits, ..http_options() };
    (Server::start(options).await, Client::new())
}

/// What the client does after the attack's first bytes.
#[derive(Debug, Clone, Copy)]
enum Then {
    /// Waits for the response.
    Wait,
    /// Closes its side of the connection.
    End,
    /// Keeps sending this text, several times within each time limit.
    Trickle(&'static str),
}

/// A response as read from the socket.
struct Raw {
    status: u16,
    code: String,
    message: String,
    /// Whether the server closed the connection after it.
    closed: bool,
}

/// Sends bytes and reads until the server closes the connection or is silent after a response.
async fn attack(server: &Server, bytes: &[u8], then: Then) -> Raw {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let read = async {
        let (mut answer, mut closed) = (Vec::new(), false);
        let mut buffer = [0; 4096];
        while !is_whole(&answer) {
            match timeout(TIMEOUT, reader.read(&mut buffer)).await.expect("an answer, or the end") {
                Ok(read @ 1..) => answer.extend_from_slice(&buffer[..read]),
                _ => break,
            }
        }
        // Wait a little: a server that closes the connection does so right after the response. A busy machine may delay it.
        let rest = timeout(Duration::from_secs(1), reader.read(&mut buffer)).await;
        if let Ok(read) = rest {
            closed = true;
            let more = read.unwrap_or(0);
            assert_eq!(more, 0, "a second answer: {}", String::from_utf8_lossy(&buffer[..more]));
        }
        (String::from_utf8(answer).unwrap(), closed)
    };
    let write = async {
        // The server may close the connection before everything is sent.
        let _ = writer.write_all(bytes).await;
        match then {
            Then::Wait => {}
            Then::End => {
                let _ = writer.shutdown().await;
            }
            Then::Trickle(more) => {
                while writer.write_all(more.as_bytes()).await.is_ok() {
                    sleep(Duration::from_millis(20)).await;
                }
            }
        }
        std::future::pending::<()>().await;
    };
    let (answer, closed) = tokio::select! {
        answered = read => answered,
        () = write => unreachable!(),
    };
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Raw {
        status: head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0),
        code: text(&body["errors"][0]["extensions"]["code"]),
        message: text(&body["errors"][0]["message"]),
        closed,
    }
}

/// Whether the response is complete by its `content-length`.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

fn request(line: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}").into_bytes()
}

/// A POST request with a `content-length`.
fn posted(headers: &str, body: &str) -> Vec<u8> {
    request("POST /graphql", &format!("{headers}content-length: {}\r\n", body.len()), body)
}

/// Name, bytes sent, what the client does then, and the expected response: status, code and a part of the message.
/// A bare status is hyper's own response; 0 stands for no response.
type Attack = (&'static str, Vec<u8>, Then, &'static str);

async fn check(attacks: impl IntoIterator<Item = Attack>) {
    let (server, client) = start().await;
    for (name, bytes, then, expected) in attacks {
        let answer = attack(&server, &bytes, then).await;
        let found = format!("{} {} {}", answer.status, answer.code, answer.message);
        let mut expected = expected.splitn(3, ' ');
        assert_eq!(answer.status.to_string(), expected.next().unwrap(), "{name}: {found}");
        assert_eq!(answer.code, expected.next().unwrap_or(""), "{name}: {found}");
        assert!(answer.message.contains(expected.next().unwrap_or("")), "{name}: {found}");
        assert_eq!(post(&server, &client, JSON, r#"{"query":"{ hello }"}"#).await.status, 200, "after {name}");
    }
    assert_eq!(server.probe.bumps.load(SeqCst), 0);
}

const BUMP: &str = r#"{"query":"mutation { bump }"}"#;
const HELLO: &str = "GET /graphql?query=%7Bhello%7D";
const IS_JSON: &str = "content-type: application/json\r\n";
const CHUNKED: &str = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";

#[tokio::test]
async fn browsers_on_other_sites_cannot_send_operations() {
    let typed = |content_type: &str| posted(&format!("content-type: {content_type}\r\n"), BUMP);
    let by_get = |headers: &str| request(HELLO, headers, "");
    let mutation = |headers: &str| request("GET /graphql?query=mutation%7Bbump%7D", headers, "");
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\norigin: https://evil.example\r\n";
    let events = "accept: text/event-stream\r\nsec-fetch-site: cross-site\r\norigin: https://evil.example\r\n";
    check(
        [
            ("form", typed("application/x-www-form-urlencoded"), "415 BAD_USER_INPUT must be application/json"),
            (
                "form with a file",
                typed("multipart/form-data; boundary=x"),
                "415 BAD_USER_INPUT must be application/json",
            ),
            ("plain text", typed("text/plain"), "415 BAD_USER_INPUT must be application/json"),
            (
                "text that says JSON",
                typed("text/plain; application/json"),
                "415 BAD_USER_INPUT must be application/json",
            ),
            (
                "two types",
                typed("application/json\r\ncontent-type: text/plain"),
                "415 BAD_USER_INPUT must be application/json",
            ),
            ("another charset", typed("application/json; charset=utf-7"), "415 BAD_USER_INPUT in UTF-8"),
            ("no type", posted("", BUMP), "415 BAD_USER_INPUT must be application/json"),
            ("mutation by GET", mutation(""), "405 BAD_USER_INPUT POST only"),
            ("mutation by link", mutation("sec-fetch-site: cross-site\r\n"), "403 FORBIDDEN other sites"),
            ("query by image", by_get("sec-fetch-site: cross-site\r\n"), "403 FORBIDDEN other sites"),
            ("query from a sibling", by_get("sec-fetch-site: same-site\r\n"), "403 FORBIDDEN other sites"),
            ("query by script", by_get("origin: https://evil.example\r\n"), "403 FORBIDDEN other sites"),
            ("stream", request("GET /graphql?query=subscription%7Bsilent%7D", events, ""), "403 FORBIDDEN other sites"),
            ("socket", request("GET /graphql", upgrade, ""), "403 FORBIDDEN this origin"),
        ]
        .map(|(name, bytes, expected)| (name, bytes, Then::Wait, expected)),
    )
    .await;
}

#[tokio::test]
async fn oversized_requests_are_refused_with_the_limit() {
    let url = |length: usize| request(&format!("GET /graphql?query={}", "x".repeat(length)), "", "");
    let headers = |count: usize| request(HELLO, &"x: y\r\n".repeat(count), "");
    let header = |length: usize| request(HELLO, &format!("x: {}\r\n", "y".repeat(length)), "");
    let announced = format!("{IS_JSON}content-length: 99999999\r\nexpect: 100-continue\r\n");
    let chunk = format!("11170\r\n{}\r\n0\r\n\r\n", "x".repeat(0x11170));
    check(
        [
            ("body", posted(IS_JSON, &"x".repeat(70_000)), "413 BAD_USER_INPUT larger than 65536 bytes"),
            ("announced body", request("POST /graphql", &announced, ""), "413 BAD_USER_INPUT larger than 65536 bytes"),
            ("chunks", request("POST /graphql", CHUNKED, &chunk), "413 BAD_USER_INPUT larger than 65536 bytes"),
            ("URL", url(2000), "414 BAD_USER_INPUT longer than 2000 bytes"),
            ("URL out of reach", url(70_000), "431"),
            ("number of headers", headers(32), "431 BAD_USER_INPUT more than 32 headers"),
            ("number of headers out of reach", headers(500), "431"),
            ("header", header(4000), "431 BAD_USER_INPUT larger than 4000 bytes"),
            ("header out of reach", header(90_000), "431"),
        ]
        .map(|(name, bytes, expected)| (name, bytes, Then::Wait, expected)),
    )
    .await;
}

#[tokio::test]
async fn slow_requests_are_refused_with_the_time_limit() {
    use Then::{End, Trickle, Wait};
    let announced = request("POST /graphql", &format!("{IS_JSON}content-length: 60000\r\n"), "{");
    let chunked = request("POST /graphql", CHUNKED, "1\r\n{\r\n");
    check([
        (
            "half a head",
            b"GET / HTTP/1.1\r\nhost".to_vec(),
            Wait,
            "408 BAD_USER_INPUT head of the request took longer than 300ms",
        ),
        ("slow head", b"GET /".to_vec(), Trickle("x"), "408 BAD_USER_INPUT head of the request took longer than 300ms"),
        ("half a body", announced.clone(), Wait, "408 BAD_USER_INPUT body took longer than 400ms"),
        ("slow body", announced.clone(), Trickle(" "), "408 BAD_USER_INPUT body took longer than 400ms"),
        ("endless chunks", chunked.clone(), Trickle("1\r\n \r\n"), "408 BAD_USER_INPUT body took longer than 400ms"),
        ("a body that breaks off", announced, End, "400 BAD_USER_INPUT ended early"),
        ("a chunk that breaks off", chunked, End, "400 BAD_USER_INPUT ended early"),
    ])
    .await;
}

#[tokio::test]
async fn ambiguous_requests_are_refused() {
    let sized = |headers: &str, body: &str| request("POST /graphql", &format!("{IS_JSON}{headers}\r\n"), body);
    let chunk = "5;\nx\r\n{}   \r\n0\r\n\r\n";
    check(
        [
            ("no host", format!("{HELLO} HTTP/1.1\r\n\r\n").into_bytes(), "400 BAD_USER_INPUT one Host header"),
            ("two hosts", request(HELLO, "host: y\r\n", ""), "400 BAD_USER_INPUT one Host header"),
            ("two lengths", sized("content-length: 3\r\ncontent-length: 4", "{}  "), "400"),
            ("a length below zero", sized("content-length: -1", ""), "400"),
            ("a length that overflows", sized("content-length: 18446744073709551617", ""), "400"),
            ("a length in words", sized("content-length: 3, 3", "{} "), "400"),
            ("chunks within gzip", sized("transfer-encoding: chunked, gzip", ""), "400"),
            ("an extension of a chunk", request("POST /graphql", CHUNKED, chunk), "400 BAD_USER_INPUT ended early"),
            ("a space before a colon", sized("content-length : 3", "{} "), "400"),
            ("a folded header", request(HELLO, "x: y\r\n z\r\n", ""), "400"),
            ("a zero byte", request(HELLO, "x: \0\r\n", ""), "400"),
            ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), "0"),
            ("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec(), "400"),
        ]
        .map(|(name, bytes, expected)| (name, bytes, Then::Wait, expected)),
    )
    .await;
}

/// Request smuggling: of two lengths of one body, a proxy may trust the other one and see a different next request.
#[tokio::test]
async fn a_request_smuggled_in_a_body_is_not_run() {
    let (server, _) = start().await;
    let body = r#"{"query":"{ hello }"}"#;
    let hidden =
        String::from_utf8(posted("content-type: application/json\r\n", r#"{"query":"mutation { bump }"}"#)).unwrap();
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let length = chunks.len() + hidden.len();
    for lengths in [
        format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"),
        format!("transfer-encoding: chunked\r\ncontent-length: {length}\r\n"),
    ] {
        let head = format!("content-type: application/json\r\n{lengths}");
        let answer = attack(&server, &request("POST /graphql", &head, &format!("{chunks}{hidden}")), Then::Wait).await;
        assert_eq!((answer.status, answer.closed), (200, true), "{lengths}");
    }
    assert_eq!(server.probe.bumps.load(SeqCst), 0);
}

#[tokio::test]
async fn an_idle_connection_outlives_the_head_timeout() {
    let (server, _) = start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut buffer = [0; 4096];
    for _ in 0..2 {
        sleep(2 * HEAD_TIMEOUT).await;
        stream.write_all(&request("GET /healthz", "", "")).await.unwrap();
        let read = timeout(TIMEOUT, stream.read(&mut buffer)).await.expect("an answer").unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..read]));
    }
    let idle = Instant::now();
    let read = timeout(TIMEOUT, stream.read(&mut buffer)).await.expect("the end").unwrap();
    assert_eq!(read, 0, "closed without a word");
    assert!(idle.elapsed() > Duration::from_millis(1500), "{:?}", idle.elapsed());
}

#[tokio::test]
async fn connections_above_the_limit_are_refused_until_one_closes() {
    let limits = ServerLimits { connections: 2, ..http_options().limits };
    let server = Server::start(HttpOptions { limits, ..http_options() }).await;
    let mut socket = ws::Client::open(server.address).await;
    let idle = TcpStream::connect(server.address).await.unwrap();
    let ask = request("GET /healthz", "connection: close\r\n", "");
    let refused = attack(&server, &ask, Then::Wait).await;
    assert_eq!((refused.status, &*refused.code, refused.closed), (503, "UNAVAILABLE", true));
    assert_eq!(refused.message, "Too many connections: at most 2 at once.");
    socket.send(json!({"type": "ping"})).await;
    assert_eq!(socket.receive().await, json!({"type": "pong"}));
    drop((idle, socket));
    for _ in 0..2 {
        let deadline = Instant::now() + TIMEOUT;
        while attack(&server, &ask, Then::Wait).await.status != 200 {
            assert!(Instant::now() < deadline, "there is room again");
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
async fn a_deeply_nested_document_is_an_error_not_a_crash() {
    let (server, client) = start().await;
    for query in [
        format!("mutation {{ bump(a: {}) }}", "[".repeat(9_000)),
        format!("mutation {{ bump(a: {}{}) }}", "[".repeat(9_000), "]".repeat(9_000)),
        format!("{}{}", "{a".repeat(7_000), "}".repeat(7_000)),
        format!("mutation {}{}", "{a".repeat(7_000), "}".repeat(7_000)),
    ] {
        let answer = post(&server, &client, GRAPHQL, json!({"query": query}).to_string()).await;
        assert_eq!(answer.status, 400);
    }
    assert_eq!(server.probe.bumps.load(SeqCst), 0);
}

/// A body of exactly the limit is taken.
#[tokio::test]
async fn a_body_of_exactly_the_limit_is_accepted() {
    let (server, client) = start().await;
    let exact = format!(r#"{{"query":"{{ hello }}","x":"{}"}}"#, "x".repeat(64 * 1024 - 28));
    for (body, status) in [(exact.clone(), 200), (format!("{exact} "), 413), ("x".repeat(10_000_000), 413)] {
        assert_eq!(post(&server, &client, JSON, body).await.status, status);
    }
}
