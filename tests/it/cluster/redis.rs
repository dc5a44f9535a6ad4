use ::redis::AsyncCommands;
use orderwire::cluster::redis::{ConnectError, evicting_policy};
use tokio::net::TcpListener;

use super::{redis_server::RedisServer, *};
use crate::support::{stopwatch::Stopwatch, wait_until};

const LOG: LogId = LogId::new(0xfeed);

async fn failure(url: &str) -> ConnectError {
    RedisBus::connect(url, LOG, TIMEOUT).await.expect_err("there should be no connection")
}

/// A bus to a Redis that does not answer `within` this time.
async fn unconnected(url: &str, within: Duration) -> RedisBus {
    let bus = RedisBus::connect(url, LOG, within).await.unwrap();
    assert!(!bus.is_connected());
    bus
}

#[tokio::test]
async fn deployments_on_one_redis_do_not_receive_each_others_events() {
    let [one, other] = [OverRedis::start().await, OverRedis::start().await];
    let [one, here, there] = [one.node().await, other.node().await, other.node().await];
    let mut receiver = there.subscribe();
    one.publish(&[event(1)]);
    one.close().await;
    here.publish(&[event(2)]);
    assert_eq!(next(&mut receiver).await.seq, 2);
}

#[tokio::test]
async fn an_unreadable_message_is_reported_as_a_gap() {
    let log = LogId::new(rand::random());
    let bus = RedisBus::connect(&redis_server::shared_url(), log, TIMEOUT).await.unwrap();
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
async fn an_event_too_large_for_redis_is_a_gap_for_the_other_nodes() {
    let deployment = OverRedis::start().await;
    let [here, there] = [deployment.node().await, deployment.node().await];
    let [mut own, mut far] = [here.subscribe(), there.subscribe()];
    here.publish(&[event(1)]);
    assert_eq!((next(&mut own).await.seq, next(&mut far).await.seq), (1, 1));
    here.publish(&[event_about(2, &"x".repeat(300_000)), event(3)]);
    assert_eq!((next(&mut own).await.seq, next(&mut own).await.seq), (2, 3));
    assert!(matches!(message(&mut far).await, Some(BusMessage::Gap)));
    assert_eq!(next(&mut far).await.seq, 3);
}

#[tokio::test]
async fn after_an_outage_receivers_get_a_gap_and_then_events_again() {
    let mut server = RedisServer::start();
    let here = RedisBus::connect(&server.url(), LOG, TIMEOUT).await.unwrap();
    let there = RedisBus::connect(&server.url(), LOG, TIMEOUT).await.unwrap();
    let [mut own, mut far] = [here.subscribe(), there.subscribe()];

    server.kill();
    here.publish(&[event(1)]);
    assert_eq!(next(&mut own).await.seq, 1, "the own node is served without Redis");
    wait_until("the other node notices", TIMEOUT, async || !there.is_connected()).await;

    server.start_again();
    gap(&mut far).await;
    // Redis drops what is published before the other node reconnects. Readers find it in the log.
    let mut seq = 1;
    wait_until("events flow again", TIMEOUT, async || {
        seq += 1;
        here.publish(&[event(seq)]);
        tokio::time::timeout(Duration::from_millis(100), next(&mut far)).await.is_ok()
    })
    .await;
    wait_until("both are connected", TIMEOUT, async || here.is_connected() && there.is_connected()).await;
}

#[tokio::test]
async fn an_idle_connection_closed_by_redis_loses_no_event() {
    let server = RedisServer::start();
    let here = RedisBus::connect(&server.url(), LOG, TIMEOUT).await.unwrap();
    let there = RedisBus::connect(&server.url(), LOG, TIMEOUT).await.unwrap();
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
async fn an_unreachable_redis_may_start_later() {
    let mut server = RedisServer::start();
    server.kill();
    let bus = unconnected(&server.url(), Duration::from_millis(300)).await;
    server.start_again();
    wait_until("the server is found", TIMEOUT, async || bus.is_connected()).await;
}

#[tokio::test]
async fn connecting_to_a_silent_redis_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let connecting = Stopwatch::start();
    unconnected(&url, Duration::from_millis(200)).await;
    assert!(connecting.elapsed() < Duration::from_secs(3), "{:?}", connecting.elapsed());
}

#[tokio::test]
async fn a_server_that_is_no_redis_is_refused_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut socket, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = failure(&format!("redis://{address}")).await.to_string();
    assert!(error.starts_with(&format!("Redis at {address} refuses the connection: ")), "{error}");
    server.abort();
}

#[tokio::test]
async fn closing_does_not_wait_for_an_unreachable_redis() {
    let mut server = RedisServer::start();
    let bus = RedisBus::connect(&server.url(), LOG, TIMEOUT).await.unwrap();
    server.kill();
    bus.publish(&[event(1)]);
    let closing = Stopwatch::start();
    tokio::time::timeout(TIMEOUT, bus.close()).await.expect("it should close");
    assert!(closing.elapsed() < Duration::from_secs(3), "{:?}", closing.elapsed());
}

#[tokio::test]
async fn errors_and_debug_output_hide_the_redis_password() {
    let server = RedisServer::start_with(&["--requirepass", "other"]);
    let refused = server.url().replace("redis://", "redis://:hunter2@");
    for url in [&refused, "hunter2", "http://:hunter2@h"] {
        let error = failure(url).await;
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    let bus = RedisBus::open("redis://user:hunter2@127.0.0.1:1", LOG).unwrap();
    assert!(!format!("{bus:?}").contains("hunter2"), "{bus:?}");
}

/// Fails if no cryptography provider is compiled in.
#[tokio::test]
async fn rediss_urls_start_a_tls_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rediss://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut first = [0];
        let (mut socket, _) = listener.accept().await.unwrap();
        tokio::io::AsyncReadExt::read_exact(&mut socket, &mut first).await.unwrap();
        first[0]
    });
    unconnected(&url, Duration::from_secs(2)).await;
    const HANDSHAKE: u8 = 22;
    assert_eq!(server.await.unwrap(), HANDSHAKE);
}

#[tokio::test]
async fn a_redis_that_deletes_keys_when_it_is_full_is_noticed_if_it_says_so() {
    for (arguments, policy) in [
        (&["--maxmemory-policy", "allkeys-lru"][..], Some(Some("allkeys-lru"))),
        (&["--maxmemory-policy", "noeviction"], Some(None)),
        (&["--rename-command", "CONFIG", ""], None),
    ] {
        let server = RedisServer::start_with(arguments);
        let found = evicting_policy(&server.url()).await;
        assert_eq!(found.as_ref().map(Option::as_deref), policy, "{arguments:?}");
    }
}
