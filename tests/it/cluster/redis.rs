use ::redis::AsyncCommands;
use orderwire::cluster::redis::ConnectError;
use tokio::net::TcpListener;

use super::{redis_server::RedisServer, *};

const LOG: LogId = LogId(0xfeed);

async fn failure(url: &str, within: Duration) -> ConnectError {
    RedisBus::connect(url, LOG, within).await.expect_err("there should be no connection")
}

#[tokio::test]
async fn deployments_that_share_a_server_do_not_hear_each_other() {
    let [one, other] = [OverRedis::start().await, OverRedis::start().await];
    let [one, here, there] = [one.node().await, other.node().await, other.node().await];
    let mut receiver = there.subscribe();
    one.publish(&[event(1)]);
    one.close().await;
    here.publish(&[event(2)]);
    assert_eq!(next(&mut receiver).await.seq, 2);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_a_gap() {
    let log = LogId(rand::random());
    let bus = RedisBus::connect(&redis_server::shared_url(), log, SOON).await.unwrap();
    let client = ::redis::Client::open(redis_server::shared_url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut receiver = bus.subscribe();
    for message in ["", "short", "0123456789abcdef", "0123456789abcdef{\"seq\":1}"] {
        let heard: i32 = connection.publish(format!("orderwire:{:08x}:events", log.0), message).await.unwrap();
        assert_eq!(heard, 1);
        assert!(matches!(super::message(&mut receiver).await, Some(BusMessage::Gap)), "{message}");
    }
}

#[tokio::test]
async fn after_an_outage_there_is_a_gap_and_events_flow_again() {
    let mut server = RedisServer::start();
    let here = RedisBus::connect(&server.url(), LOG, SOON).await.unwrap();
    let there = RedisBus::connect(&server.url(), LOG, SOON).await.unwrap();
    let [mut own, mut far] = [here.subscribe(), there.subscribe()];

    server.kill();
    here.publish(&[event(1)]);
    assert_eq!(next(&mut own).await.seq, 1, "the own node is served without Redis");
    wait_until(async || !there.is_connected()).await;

    server.start_again();
    gap(&mut far).await;
    // What is published while the other node has not come back yet is lost; the log is for that.
    let mut seq = 1;
    wait_until(async || {
        seq += 1;
        here.publish(&[event(seq)]);
        tokio::time::timeout(Duration::from_millis(100), next(&mut far)).await.is_ok()
    })
    .await;
    wait_until(async || here.is_connected() && there.is_connected()).await;
}

#[tokio::test]
async fn an_idle_connection_that_the_server_closed_costs_no_event() {
    let server = RedisServer::start();
    let here = RedisBus::connect(&server.url(), LOG, SOON).await.unwrap();
    let there = RedisBus::connect(&server.url(), LOG, SOON).await.unwrap();
    let mut far = there.subscribe();
    let client = ::redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let killed: i32 =
        ::redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).query_async(&mut connection).await.unwrap();
    assert_eq!(killed, 2, "the publishing connections, and not the one that asks");
    here.publish(&[event(1)]);
    assert_eq!(next(&mut far).await.seq, 1);
}

#[tokio::test]
async fn a_server_that_is_away_is_named_and_may_come_later() {
    let mut server = RedisServer::start();
    server.kill();
    let error = failure(&server.url(), Duration::from_secs(1)).await;
    assert!(error.to_string().starts_with("no connection to Redis at 127.0.0.1:"), "{error}");

    let patient = RedisBus::open(&server.url(), LOG).unwrap();
    server.start_again();
    wait_until(async || patient.is_connected()).await;
}

#[tokio::test]
async fn a_silent_server_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    assert!(failure(&url, Duration::from_millis(200)).await.to_string().contains("no answer"));
}

#[tokio::test]
async fn closing_does_not_wait_for_a_server_that_is_away() {
    let mut server = RedisServer::start();
    let bus = RedisBus::connect(&server.url(), LOG, SOON).await.unwrap();
    server.kill();
    bus.publish(&[event(1)]);
    tokio::time::timeout(Duration::from_secs(20), bus.close()).await.expect("it should close");
}

#[tokio::test]
async fn passwords_are_never_shown() {
    for url in ["redis://:hunter2@127.0.0.1:1", "redis://user:hunter2@127.0.0.1:1/0", "hunter2", "http://:hunter2@h"] {
        let error = failure(url, Duration::from_millis(300)).await;
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    let bus = RedisBus::open("redis://user:hunter2@127.0.0.1:1", LOG).unwrap();
    assert!(!format!("{bus:?}").contains("hunter2"), "{bus:?}");
}

/// The handshake begins: a cryptography provider is there.
#[tokio::test]
async fn tls_is_spoken_to_rediss_urls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rediss://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut first = [0];
        let (mut socket, _) = listener.accept().await.unwrap();
        tokio::io::AsyncReadExt::read_exact(&mut socket, &mut first).await.unwrap();
        first[0]
    });
    failure(&url, Duration::from_secs(2)).await;
    const HANDSHAKE: u8 = 22;
    assert_eq!(server.await.unwrap(), HANDSHAKE);
}

async fn wait_until(mut condition: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "it should come true soon");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
