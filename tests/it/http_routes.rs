//! CORS, health, the schema, the UI, shutdown.

use std::{
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use orderwire::http::{AllowedOrigins, HttpOptions};
use reqwest::{Client, Method};
use tokio::{io::AsyncReadExt, net::TcpStream};

use crate::{
    http_support::{Server, eventually, http_options, start},
    support::{stopwatch::Stopwatch, wait_until, ws::TIMEOUT},
};

#[tokio::test]
async fn cors_admits_only_allowed_origins() {
    let listed = AllowedOrigins::new(["https://shop.example.com"], true);
    let server = Server::start(HttpOptions { origins: listed, ..http_options() }).await;
    let strict = start().await;
    let client = Client::new();
    for (server, origin, allowed) in [
        (&server, "https://shop.example.com", true),
        (&server, "http://localhost:5173", true),
        (&server, "https://evil.example.com", false),
        (&strict, "http://localhost:5173", false),
    ] {
        let preflight = client
            .request(Method::OPTIONS, server.url("/graphql"))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
            .send()
            .await
            .unwrap();
        let answer = client.get(server.url("/graphql?query={hello}")).header("origin", origin).send().await.unwrap();
        for response in [&preflight, &answer] {
            let echoed = response.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap());
            assert_eq!(echoed, allowed.then_some(origin), "{origin}");
            assert!(response.headers().get_all("vary").iter().any(|value| value.to_str().unwrap().contains("origin")));
        }
        assert_eq!(preflight.status(), 200);
        assert!(preflight.headers()["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
    }
}

#[tokio::test]
async fn health_readiness_and_schema_are_served() {
    let server = start().await;
    let client = Client::new();
    let get = async |path: &str| {
        let response = client.get(server.url(path)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(get("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get("/readyz").await, (200, "ok\n".to_owned()));
    let (status, schema) = get("/schema.graphql").await;
    assert!(status == 200 && schema.contains("type Thing {"), "{schema}");
    assert_eq!(get("/docs/scalars.md").await, (200, include_str!("../../docs/scalars.md").to_owned()));
    server.probe.unready.store(true, SeqCst);
    let (status, body) = get("/readyz").await;
    assert!(status == 503 && body.contains("storage does not answer") && body.contains("UNAVAILABLE"), "{body}");
    assert_eq!(get("/healthz").await.0, 200);
}

#[tokio::test]
async fn the_ui_is_served_with_every_file_it_names() {
    let server = start().await;
    assert_served_whole(&server, &["/", "/graphiql", "/ui/"], "/ui/").await;
    assert_served_whole(&server, &["/playground"], "/playground/").await;
    assert_not_served(&server, &["/playground/", "/playground/nothing.js"]).await;

    let off = Server::start(HttpOptions { ui: false, schema: false, ..http_options() }).await;
    assert_not_served(
        &off,
        &[
            "/",
            "/graphiql",
            "/ui/favicon.svg",
            "/playground",
            "/playground/licenses.md",
            "/schema.graphql",
            "/docs/scalars.md",
        ],
    )
    .await;
}

#[tokio::test]
async fn example_apps_are_served_when_turned_on() {
    let server = Server::start(HttpOptions { example_apps: true, ..http_options() }).await;
    assert_served_whole(&server, &["/shop"], "/apps/").await;
    assert_served_whole(&server, &["/board"], "/apps/").await;
    assert_not_served(&server, &["/apps/", "/apps/nothing.js", "/apps/../index.html", "/shop/"]).await;

    let off = start().await;
    assert_not_served(&off, &["/shop", "/board", "/apps/favicon.svg"]).await;
}

/// Asserts that all `paths` serve one page, and that every file below `folder` that the page names is served too.
async fn assert_served_whole(server: &Server, paths: &[&str], folder: &str) {
    let client = Client::new();
    let index = client.get(server.url(paths[0])).send().await.unwrap();
    assert_eq!(index.status(), 200);
    assert_eq!(index.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(index.headers()["cache-control"], "no-cache");
    let policy = index.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(index.headers().get("content-encoding").is_none());
    let tag = index.headers()["etag"].clone();
    let page = index.text().await.unwrap();
    assert!(page.to_ascii_lowercase().contains("<!doctype html"), "{page}");

    for path in paths {
        let known = client.get(server.url(path)).header("if-none-match", &tag).send().await.unwrap();
        assert_eq!(known.status(), 304, "{path}");
        assert!(known.bytes().await.unwrap().is_empty());
    }

    let files: Vec<&str> = page.split('"').filter(|part| part.starts_with(folder)).collect();
    assert!(!files.is_empty(), "{page}");
    for file in files {
        let plain = client.get(server.url(file)).send().await.unwrap();
        assert_eq!(plain.status(), 200, "{file}");
        let gzipped = client.get(server.url(file)).header("accept-encoding", "gzip").send().await.unwrap();
        assert_eq!(gzipped.headers()["content-encoding"], "gzip");
        assert_eq!(gzipped.headers()["content-type"], plain.headers()["content-type"]);
        // Scripts and styles have a hash of their content in their names.
        let lasting = if file.ends_with(".svg") { "no-cache" } else { "public, max-age=31536000, immutable" };
        assert_eq!(plain.headers()["cache-control"], lasting, "{file}");
        let (plain, gzipped) = (plain.bytes().await.unwrap(), gzipped.bytes().await.unwrap());
        assert!(gzipped.starts_with(&[0x1f, 0x8b]) && gzipped.len() < plain.len(), "{file}");
    }
}

async fn assert_not_served(server: &Server, paths: &[&str]) {
    for path in paths {
        let response = Client::new().get(server.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    }
}

#[tokio::test]
async fn shutdown_finishes_running_requests_and_accepts_no_new_ones() {
    let mut server = start().await;
    let client = Client::new();
    // A connection without a request must not delay the shutdown.
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(client.get(server.url("/healthz")).send().await.unwrap().status(), 200);
    let running = tokio::spawn(client.get(server.url("/graphql?query={held}")).send());
    eventually("the query runs", || server.probe.holding.load(SeqCst) == 1).await;
    let started = Stopwatch::start();
    server.shutdown.cancel();
    let address = server.address;
    wait_until("no new connections", TIMEOUT, async || TcpStream::connect(address).await.is_err()).await;
    server.probe.release.notify_waiters();
    let answer = running.await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("true"));
    tokio::time::timeout(TIMEOUT, &mut server.serving).await.expect("the end").unwrap();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn shutdown_drops_requests_that_outlast_the_grace_period() {
    let mut server = Server::start_with_grace(http_options(), Duration::from_millis(500)).await;
    let running = tokio::spawn(Client::new().get(server.url("/graphql?query={held}")).send());
    eventually("the query runs", || server.probe.holding.load(SeqCst) == 1).await;
    let (started, stopwatch) = (Instant::now(), Stopwatch::start());
    server.shutdown.cancel();
    tokio::time::timeout(TIMEOUT, &mut server.serving).await.expect("the end").unwrap();
    assert!(started.elapsed() > Duration::from_millis(400), "{:?}", started.elapsed());
    assert!(stopwatch.elapsed() < Duration::from_millis(800), "{:?}", stopwatch.elapsed());
    assert!(running.await.unwrap().is_err());
}
