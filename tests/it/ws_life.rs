//! Limits of a `graphql-transport-ws` connection, and the ways in which it ends.

use std::{
    collections::BTreeSet,
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use orderwire::http::{HttpOptions, WebSocketOptions};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    http_support::{Server, eventually, http_options, start, start_with},
    support::{
        stopwatch::Stopwatch,
        ws::{self, Client, TIMEOUT, next},
    },
};

#[tokio::test]
async fn an_expired_token_closes_the_socket() {
    let server = start().await;
    let mut client = Client::connect(server.address, ws::MODERN).await;
    client.send(json!({"type": "connection_init", "payload": {"authorization": "Bearer short"}})).await;
    assert_eq!(client.receive().await["type"], "connection_ack");
    client.subscribe("1", "subscription { open }").await;
    assert_eq!(client.receive().await["type"], "next");
    let started = Stopwatch::start();
    assert_eq!(client.closed().await, (4403, "Token expired".to_owned()));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    eventually("its stream is gone", || server.probe.live.load(SeqCst) == 0).await;
}

#[tokio::test]
async fn a_client_that_answers_no_pings_is_dropped() {
    let times = WebSocketOptions {
        ping_interval: Duration::from_millis(50),
        dead_after: Duration::from_secs(1),
        ..http_options().websocket
    };
    let server = start_with(times).await;
    let (mut lively, mut silent) = (Client::open(server.address).await, Client::open(server.address).await);
    for client in [&mut lively, &mut silent] {
        client.subscribe("1", "subscription { open }").await;
        assert_eq!(client.receive().await["type"], "next");
    }
    // The client library answers pings while it reads.
    let lively = tokio::spawn(async move {
        let pinged = tokio::time::timeout(Duration::from_millis(2_500), async {
            while let Some(Ok(message)) = lively.0.next().await {
                assert!(message.is_ping(), "{message}");
            }
        });
        pinged.await.is_err()
    });
    eventually("the silent one is dropped", || server.probe.live.load(SeqCst) == 1).await;
    assert!(lively.await.unwrap(), "the lively one stays");
}

#[tokio::test]
async fn pings_tell_idle_operations_how_far_they_are_a_bounded_number_at_a_time() {
    let times = WebSocketOptions { ping_interval: Duration::from_millis(50), ..http_options().websocket };
    let server = start_with(times).await;
    let mut client = Client::open(server.address).await;
    let ids: BTreeSet<String> = (0..40).map(|number| format!("operation {number}")).collect();
    for id in &ids {
        client.subscribe(id, "subscription { open }").await;
        while client.receive().await["type"] == "ping" {}
    }
    for passed in [5, 6] {
        server.probe.passed.store(passed, SeqCst);
        let cursor = format!("e00000007{:016x}", 1 + passed);
        let mut told = BTreeSet::new();
        while told != ids {
            let ping = client.receive().await;
            assert_eq!(ping["type"], "ping", "{ping}");
            let cursors = ping["payload"]["cursors"].as_object().unwrap();
            assert!(cursors.len() <= 32, "{}", cursors.len());
            for (id, position) in cursors {
                // A ping that was sent before has the position of then.
                if *position == json!(cursor) {
                    assert!(told.insert(id.clone()), "{id} is told once");
                }
            }
        }
    }
    client.send(json!({"type": "ping"})).await;
    assert_eq!(client.receive().await, json!({"type": "pong"}), "nothing moved, so nothing is told");
}

#[tokio::test]
async fn a_ping_is_no_larger_than_half_of_what_a_client_may_answer() {
    let max_message = 1024;
    let times = WebSocketOptions { ping_interval: Duration::from_millis(50), max_message, ..http_options().websocket };
    let server = start_with(times).await;
    let mut client = Client::open(server.address).await;
    let ids: BTreeSet<String> = (0..6).map(|number| format!("{number:0>250}")).collect();
    for id in &ids {
        client.subscribe(id, "subscription { open }").await;
        while client.receive().await["type"] == "ping" {}
    }
    server.probe.passed.store(5, SeqCst);
    let mut told = BTreeSet::new();
    while told != ids {
        let ping = client.receive().await;
        assert!(ping.to_string().len() < max_message / 2 + 128, "{ping}");
        told.extend(ping["payload"]["cursors"].as_object().unwrap().keys().cloned());
        client.send(json!({"type": "pong", "payload": ping["payload"]})).await;
    }
}

#[tokio::test]
async fn a_server_pause_is_not_mistaken_for_silent_clients() {
    let dead_after = Duration::from_millis(200);
    let server = start_with(WebSocketOptions { dead_after, ..http_options().websocket }).await;
    let mut client = Client::open(server.address).await;
    client.send(json!({"type": "ping"})).await;
    // The pause: the server runs on this thread, so it sleeps as well.
    std::thread::sleep(2 * dead_after);
    assert_eq!(client.receive().await, json!({"type": "pong"}));
}

#[tokio::test]
async fn concurrent_operations_of_a_socket_are_limited() {
    let server = start_with(WebSocketOptions { max_operations: 3, ..http_options().websocket }).await;
    let mut client = Client::open(server.address).await;
    for id in ["1", "2", "3"] {
        client.subscribe(id, "subscription { open }").await;
        assert_eq!(client.receive().await["type"], "next");
    }
    client.subscribe("4", "{ hello }").await;
    let message = client.receive().await;
    assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("4")));
    assert_eq!(message["payload"][0]["extensions"]["code"], "BAD_USER_INPUT");
    assert!(message["payload"][0]["message"].as_str().unwrap().contains("At most 3"));
    // A finished operation frees its place.
    for _ in 0..200 {
        client.send(json!({"type": "complete", "id": "1"})).await;
        client.subscribe("1", "subscription { open }").await;
        assert_eq!(client.receive().await["type"], "next");
    }
    assert_eq!(server.probe.live.load(SeqCst), 3);
    drop(client);
    eventually("an abrupt end drops every stream", || server.probe.live.load(SeqCst) == 0).await;
}

#[tokio::test]
async fn a_slow_reader_of_a_socket_delays_no_other() {
    let server = start().await;
    let mut slow = Client::open(server.address).await;
    slow.subscribe("1", "subscription { flood(bytes: 10000) }").await;
    let produced = || server.probe.produced.load(SeqCst);
    let before = server.held_up().await;
    // Back-pressure also stops a client that writes and never reads.
    let pings = async {
        for _ in 0..100_000 {
            slow.0.feed(Message::text(r#"{"type":"ping"}"#)).await.unwrap();
        }
        slow.0.flush().await.unwrap();
    };
    assert!(tokio::time::timeout(Duration::from_millis(500), pings).await.is_err() || produced() == before);

    let mut other = Client::open(server.address).await;
    other.subscribe("1", "{ hello }").await;
    assert_eq!(other.receive().await["type"], "next");
    assert_eq!(produced(), before);
    drop(slow);
    eventually("its stream is gone", || server.probe.live.load(SeqCst) == 0).await;
}

#[tokio::test]
async fn large_results_are_sent_and_huge_messages_refused() {
    let server = start().await;
    let mut client = Client::open(server.address).await;
    client.subscribe("1", "{ large(bytes: 3000000) }").await;
    assert_eq!(client.receive().await["payload"]["data"]["large"].as_str().unwrap().len(), 3_000_000);
    assert_eq!(client.receive().await["type"], "complete");
    client.subscribe("2", "{ large(bytes: 17000000) }").await;
    let message = client.receive().await;
    assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("2")));
    client.subscribe("2", "{ hello }").await;
    assert_eq!(client.receive().await["type"], "next");
}

#[tokio::test]
async fn shutdown_answers_running_operations_and_closes_as_going_away() {
    let options = HttpOptions { drain_spread: Duration::ZERO, ..http_options() };
    let mut server = Server::start(options).await;
    let (mut idle, mut busy) = (Client::open(server.address).await, Client::open(server.address).await);
    idle.subscribe("1", "subscription { open }").await;
    assert_eq!(idle.receive().await["type"], "next");
    busy.subscribe("1", "{ held }").await;
    eventually("the query runs", || server.probe.holding.load(SeqCst) == 1).await;
    server.shutdown.cancel();
    assert_eq!(idle.closed().await, (1001, "Going away".to_owned()));
    busy.subscribe("2", "{ hello }").await;
    assert_eq!(busy.receive().await["payload"][0]["extensions"]["code"], "UNAVAILABLE");
    let released = Stopwatch::start();
    server.probe.release.notify_waiters();
    assert_eq!(busy.receive().await, next("1", json!({"held": true})));
    assert_eq!(busy.receive().await["type"], "complete");
    assert_eq!(busy.closed().await.0, 1001);
    tokio::time::timeout(TIMEOUT, &mut server.serving).await.expect("the end").unwrap();
    assert!(released.elapsed() < Duration::from_secs(1), "{:?}", released.elapsed());
    assert_eq!(server.probe.live.load(SeqCst), 0);
}

#[tokio::test]
async fn shutdown_closes_sockets_spread_over_time() {
    let spread = Duration::from_secs(1);
    let mut server = Server::start(HttpOptions { drain_spread: spread, ..http_options() }).await;
    let mut clients = Vec::new();
    for _ in 0..24 {
        clients.push(Client::open(server.address).await);
    }
    let mut eager = Client::open(server.address).await;
    server.shutdown.cancel();
    let (started, stopwatch) = (Instant::now(), Stopwatch::start());
    eager.subscribe("1", "{ hello }").await;
    let closings = clients.into_iter().map(|mut client| async move {
        assert_eq!(client.closed().await.0, 1001);
        started.elapsed()
    });
    let (eager, times) = tokio::join!(eager.closed(), futures_util::future::join_all(closings));
    assert_eq!(eager.0, 1001, "what it asks for is asked of another node");
    let all_closed = stopwatch.elapsed();
    let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    assert!(*last - *first > spread / 4 && all_closed < spread * 2, "{times:?} {all_closed:?}");
    tokio::time::timeout(TIMEOUT, &mut server.serving).await.expect("the end").unwrap();
}

#[tokio::test]
async fn connections_of_one_user_are_limited() {
    let server = Server::start(HttpOptions { connections_per_user: 2, ..http_options() }).await;
    let anna = || json!({"authorization": "Bearer user anna customer 60000"});
    let open = async |payload| Client::open_with(server.address, ws::MODERN, payload).await;
    let mut kept = vec![open(anna()).await];
    let query = [("query", "subscription { open }")];
    let stream = || {
        let request = reqwest::Client::new().get(format!("http://{}/graphql", server.address)).query(&query);
        request.header("accept", "text/event-stream").bearer_auth("user anna customer 60000").send()
    };
    let streamed = stream().await.unwrap();
    assert_eq!(streamed.status(), 200);
    let refused = stream().await.unwrap();
    assert_eq!(refused.status(), 429);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    assert_eq!(body["errors"][0]["message"], "Too many connections: at most 2 of one user at once.");
    let mut one_more = Client::connect(server.address, ws::MODERN).await;
    one_more.send(json!({"type": "connection_init", "payload": anna()})).await;
    let reason = "Too many connections: at most 2 of one user at once".to_owned();
    assert_eq!(one_more.closed().await, (4429, reason));
    kept.push(open(json!({"authorization": "Bearer user bert customer 60000"})).await);
    kept.push(open(json!({})).await);
    // Renewing the token does not count as another connection.
    kept[0].send(json!({"type": "ping", "payload": anna()})).await;
    assert_eq!(kept[0].receive().await["type"], "pong");
    drop(streamed);
    eventually("the stream is gone", || server.probe.live.load(SeqCst) == 0).await;
    open(anna()).await;
}
