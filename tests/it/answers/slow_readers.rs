//! Clients that do not read, or hardly, over every transport: their connections are closed and hold nothing afterwards.

use std::time::Duration;

use orderwire::telemetry::metrics;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::{STREAMS, Shop, aliases, config};
use crate::support::{wait_until, ws};

/// How long clients may be behind in these tests.
const BEHIND: Duration = Duration::from_millis(500);

/// A shop with a query whose answer has some megabytes: more than the system's buffers of a connection take.
async fn shop() -> (Shop, String) {
    let mut config = config();
    config.limits.answer_bytes = 8 * 1024 * 1024;
    config.server.write_timeout = BEHIND;
    let shop = Shop::open(&config).await;
    let task = shop.task().await;
    (shop, format!("{{ task(id: \"{task}\") {{ {} }} }}", aliases("description")))
}

/// A connection that takes few bytes at a time from the network.
async fn connect(shop: &Shop) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(shop.server.address).await.unwrap()
}

fn in_flight() -> i64 {
    metrics().answer_bytes_in_flight.get()
}

/// Waits until an answer of some megabytes is being sent.
async fn wait_for_answer(transport: &str) {
    wait_until(&format!("an answer is in flight: {transport}"), ws::TIMEOUT, async || in_flight() > 1_000_000).await;
}

#[tokio::test]
async fn a_connection_that_hardly_reads_is_closed_and_its_answer_freed() {
    let (shop, query) = shop().await;
    let body = json!({ "query": query }).to_string();
    let mut closed = 0;
    for accept in ["application/json", STREAMS[0], STREAMS[1]] {
        let mut stream = connect(&shop).await;
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: shop\r\nauthorization: {}\r\ncontent-type: application/json\r\n\
             accept: {accept}\r\ncontent-length: {}\r\n\r\n{body}",
            shop.authorization,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        wait_for_answer(accept).await;
        let mut few = [0; 64];
        wait_until(&format!("the connection is closed: {accept}"), ws::TIMEOUT, async || {
            // A byte now and then does not keep the connection open.
            let _ = tokio::time::timeout(Duration::from_millis(1), stream.read(&mut few)).await;
            in_flight() == 0
        })
        .await;
        closed += 1;
        assert_eq!(metrics().refusals.with_labels(["write_timeout"]).get(), closed, "{accept}");
        drop(stream);
    }
    let id = shop.data("{ me { id } }", json!({})).await;
    assert!(id["me"]["id"].is_string(), "others are served");
    shop.close().await;
}

#[tokio::test]
async fn a_websocket_that_does_not_read_is_closed_and_its_answer_freed() {
    let (shop, query) = shop().await;
    let mut socket = shop.socket("192.0.2.1", Some(&shop.authorization)).await;
    socket.subscribe("1", &query).await;
    wait_for_answer("WebSocket").await;
    wait_until("the socket is closed", ws::TIMEOUT, async || in_flight() == 0).await;
    assert_eq!(metrics().refusals.with_labels(["write_timeout"]).get(), 1);
    drop(socket);
    shop.close().await;
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_its_whole_answer() {
    let (shop, query) = shop().await;
    let request = shop.server.request(false, &json!({ "query": query }));
    let mut answer = request.header("authorization", &shop.authorization).send().await.unwrap();
    let mut length = 0;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        length += chunk.len();
        // The client is slow: it takes longer in all than one may be behind that reads nothing.
        tokio::time::sleep(BEHIND / 50).await;
    }
    assert!(length > 5_000_000, "{length} bytes");
    assert_eq!(metrics().refusals.with_labels(["write_timeout"]).get(), 0);
    shop.close().await;
}
