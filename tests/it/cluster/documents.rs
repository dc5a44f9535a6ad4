//! Documents that clients registered, shared over Redis.

use orderwire::cluster::{MemoryDocuments, RegisteredDocuments, redis::RedisDocuments};

use super::{redis_server::RedisServer, *};
use crate::support::{stopwatch::Stopwatch, wait_until};

const HASH: [u8; 32] = [7; 32];

fn node(url: &str, log: LogId, keep: Duration) -> RedisDocuments {
    RedisDocuments::open(url, log, MemoryDocuments::new(1 << 20), keep).unwrap()
}

#[tokio::test]
async fn a_registered_document_is_known_to_all_nodes_of_its_deployment() {
    let (url, log) = (redis_server::shared_url(), LogId::new(rand::random()));
    let [here, there] = [node(&url, log, TIMEOUT), node(&url, log, TIMEOUT)];
    assert_eq!(here.get(HASH).await, None);
    here.put(HASH, "{ me { id } }".into()).await;
    assert_eq!(here.get(HASH).await.as_deref(), Some("{ me { id } }"));
    assert_eq!(there.get(HASH).await.as_deref(), Some("{ me { id } }"));
    assert_eq!(there.get([8; 32]).await, None);
    let stranger = node(&url, LogId::new(log.0.wrapping_add(1)), TIMEOUT);
    assert_eq!(stranger.get(HASH).await, None, "another deployment");
    let mut redis = ::redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let left: i64 = ::redis::cmd("TTL")
        .arg(format!("orderwire:{:08x}:operation:{}", log.0, "07".repeat(32)))
        .query_async(&mut redis)
        .await
        .unwrap();
    assert!((1..=60).contains(&left), "{left}");
}

#[tokio::test]
async fn without_redis_a_node_knows_only_its_own_documents() {
    let mut server = RedisServer::start();
    let [here, there] = [node(&server.url(), LogId::new(1), TIMEOUT), node(&server.url(), LogId::new(1), TIMEOUT)];
    here.put(HASH, "{ a }".into()).await;
    server.kill();
    let begun = Stopwatch::start();
    assert_eq!(here.get(HASH).await.as_deref(), Some("{ a }"), "in memory");
    assert_eq!(there.get(HASH).await, None, "cannot be asked");
    for number in 0..50 {
        there.put([number; 32], "{ b }".into()).await;
        assert_eq!(there.get([number; 32]).await.as_deref(), Some("{ b }"));
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "Redis is not waited for each time: {:?}", begun.elapsed());
    server.start_again();
    // Redis restarts empty; both nodes reconnect by themselves.
    wait_until("both find Redis again", TIMEOUT, async || {
        here.put([99; 32], "{ c }".into()).await;
        there.get([99; 32]).await.as_deref() == Some("{ c }")
    })
    .await;
}

#[tokio::test]
async fn an_invalid_redis_url_is_refused() {
    let opened = RedisDocuments::open("http://localhost", LogId::new(1), MemoryDocuments::new(1 << 20), TIMEOUT);
    assert!(opened.err().unwrap().to_string().contains("not a Redis URL"));
}
