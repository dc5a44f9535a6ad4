//! Requests and messages that do not arrive whole: what they may hold of the node.

use futures_util::SinkExt;
use orderwire::telemetry::metrics;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{Frame, coding::Data, coding::OpCode},
};

use super::{Shop, config};
use crate::support::{wait_until, ws};

/// Bytes of a body that is never sent whole.
const BODY: usize = 1_000_000;

fn refused() -> u64 {
    metrics().refusals.with_labels(["incoming_bytes"]).get()
}

/// Sends most of a large body.
async fn send_most_of_a_body(shop: &Shop) -> TcpStream {
    let mut stream = TcpStream::connect(shop.server.address).await.unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: {BODY}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // Fails when the server closes the connection.
    let _ = stream.write_all(&vec![b' '; BODY - 1]).await;
    stream
}

#[tokio::test]
async fn large_requests_that_do_not_arrive_are_closed_when_the_node_is_full_and_small_ones_are_served() {
    let mut config = config();
    config.server.incoming_bytes = 1_200_000;
    let shop = Shop::open(&config).await;
    let held = send_most_of_a_body(&shop).await;
    let mut closed = send_most_of_a_body(&shop).await;
    wait_until("the second is refused", ws::TIMEOUT, async || refused() == 1).await;
    let mut rest = Vec::new();
    let _ = closed.read_to_end(&mut rest).await;
    let me = shop.data("{ me { id } }", json!({})).await;
    assert!(me["me"]["id"].is_string(), "small requests are served");
    drop(held);
    // What the first one held is free again, at the latest when the server has noticed its end.
    let whole = json!({ "query": "{ me { id } }", "variables": { "unused": "x".repeat(900_000) } });
    wait_until("a large request is served", ws::TIMEOUT, async || {
        let request = shop.server.request(false, &whole).header("authorization", &shop.authorization);
        request.send().await.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    shop.close().await;
}

#[tokio::test]
async fn messages_that_do_not_arrive_whole_count_and_whole_ones_do_not_add_up() {
    let mut config = config();
    config.server.incoming_bytes = 1024 * 1024;
    config.websocket.max_message = 512 * 1024;
    let shop = Shop::open(&config).await;
    let mut socket = shop.socket("192.0.2.1", None).await;
    for _ in 0..8 {
        socket.send(json!({ "type": "ping", "payload": { "text": "x".repeat(400_000) } })).await;
        assert_eq!(socket.receive().await["type"], "pong");
    }
    assert_eq!(refused(), 0, "each message is read");
    let mut sockets = vec![socket];
    for number in 0..3 {
        let mut socket = shop.socket("192.0.2.1", None).await;
        let part = Frame::message(vec![b'x'; 450_000], OpCode::Data(Data::Text), false);
        let _ = socket.0.send(Message::Frame(part)).await;
        sockets.push(socket);
        assert!(refused() <= 1, "{number}");
    }
    wait_until("the third is refused", ws::TIMEOUT, async || refused() == 1).await;
    drop(sockets);
    shop.close().await;
}
