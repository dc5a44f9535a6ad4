//! Documents that clients registered, shared over Redis.

use std::net::Ipv4Addr;

use ::redis::AsyncCommands;
use orderwire::{
    cluster::{
        LimitedDocuments, MemoryDocuments, MemoryRateLimiter, RateLimiter, RegisteredDocuments,
        redis::{DocumentRetention, RedisDocuments, RedisRateLimiter},
    },
    fairness::Caller,
};
use sha2::{Digest, Sha256};

use super::{redis_server::RedisServer, *};
use crate::support::{stopwatch::Stopwatch, wait_until};

const HASH: [u8; 32] = [7; 32];
const RETENTION: DocumentRetention = DocumentRetention { keep: TIMEOUT, bytes: 1 << 20 };

fn node(url: &str, log: LogId, retention: DocumentRetention) -> RedisDocuments {
    RedisDocuments::open(url, log, MemoryDocuments::new(1 << 20), retention).unwrap()
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// The keys of a deployment, without their prefix and in order, and the connection that found them.
async fn keys(url: &str, log: LogId) -> (Vec<String>, ::redis::aio::MultiplexedConnection) {
    let mut redis = ::redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let prefix = format!("orderwire:{:08x}:", log.0);
    let found: Vec<String> = redis.keys(format!("{prefix}*")).await.unwrap();
    let mut keys: Vec<String> = found.iter().map(|key| key.strip_prefix(&prefix).unwrap().to_owned()).collect();
    keys.sort();
    (keys, redis)
}

#[tokio::test]
async fn a_registered_document_is_known_to_all_nodes_of_its_deployment() {
    let (url, log) = (redis_server::shared_url(), LogId::new(rand::random()));
    let [here, there] = [node(&url, log, RETENTION), node(&url, log, RETENTION)];
    assert_eq!(here.get(HASH).await, None);
    here.put(HASH, "{ me { id } }".into(), Caller::Server).await;
    assert_eq!(here.get(HASH).await.as_deref(), Some("{ me { id } }"));
    assert_eq!(there.get(HASH).await.as_deref(), Some("{ me { id } }"));
    assert_eq!(there.get([8; 32]).await, None);
    let stranger = node(&url, LogId::new(log.0.wrapping_add(1)), RETENTION);
    assert_eq!(stranger.get(HASH).await, None, "another deployment");
    let text = hex::encode(hash("{ me { id } }"));
    let (keys, mut redis) = keys(&url, log).await;
    let spelling = format!("spelling:{}", "07".repeat(32));
    assert_eq!(keys, [format!("operation:{text}"), "operations".to_owned(), "operations:bytes".to_owned(), spelling]);
    for key in keys {
        let left: i64 = redis.ttl(format!("orderwire:{:08x}:{key}", log.0)).await.unwrap();
        assert!((1..=120).contains(&left), "{key} is kept for {left} s");
    }
}

#[tokio::test]
async fn spellings_of_a_document_are_stored_once() {
    let (url, log) = (redis_server::shared_url(), LogId::new(rand::random()));
    let [here, there] = [node(&url, log, RETENTION), node(&url, log, RETENTION)];
    let text = format!("{{{}}}", "a ".repeat(10_000));
    for number in 0..10 {
        here.put([number; 32], text.as_str().into(), Caller::Server).await;
    }
    here.put(hash(&text), text.as_str().into(), Caller::Server).await;
    for number in 0..10 {
        assert_eq!(there.get([number; 32]).await.as_deref(), Some(&*text));
    }
    assert_eq!(there.get(hash(&text)).await.as_deref(), Some(&*text));
    let (keys, mut redis) = keys(&url, log).await;
    assert_eq!(keys.iter().filter(|key| key.starts_with("operation:")).count(), 1);
    let bytes: usize = redis.get(format!("orderwire:{:08x}:operations:bytes", log.0)).await.unwrap();
    assert!((text.len()..text.len() + 4096).contains(&bytes), "{bytes}");
}

#[tokio::test]
async fn documents_of_many_writers_stay_within_their_bytes_and_the_oldest_go_first() {
    const BYTES: u64 = 100_000;
    let (url, log) = (redis_server::shared_url(), LogId::new(rand::random()));
    let retention = DocumentRetention { bytes: BYTES, ..RETENTION };
    let [here, there] = [node(&url, log, retention), node(&url, log, retention)];
    let text = |number: usize| format!("{{{}}}", format!("a{number} ").repeat(200));
    for number in (0..400).step_by(4) {
        let put = async |node: &RedisDocuments, number| {
            let text = text(number);
            node.put(hash(&text), text.into(), Caller::Server).await;
        };
        tokio::join!(put(&here, number), put(&there, number + 1), put(&here, number + 2), put(&there, number + 3));
    }
    let (keys, mut redis) = keys(&url, log).await;
    let prefix = format!("orderwire:{:08x}:", log.0);
    let mut stored = 0;
    for key in keys.iter().filter(|key| key.starts_with("operation:")) {
        stored += redis.strlen::<_, u64>(format!("{prefix}{key}")).await.unwrap();
    }
    let counted: u64 = redis.get(format!("{prefix}operations:bytes")).await.unwrap();
    let entries: u64 = redis.zcard(format!("{prefix}operations")).await.unwrap();
    assert_eq!(entries + 2, keys.len() as u64, "the index has each document: {keys:?}");
    assert!(stored <= counted && counted <= BYTES && counted > BYTES / 2, "{stored} bytes, counted as {counted}");
    let reader = node(&url, log, retention);
    assert_eq!(reader.get(hash(&text(0))).await, None, "the oldest are deleted");
    assert!(reader.get(hash(&text(396))).await.is_some(), "the newest are kept");
}

/// Two nodes of a deployment that remember 3,000 bytes a day for each user and 2,000 for each address, in memory (one node
/// then) and in Redis.
fn limited() -> [(&'static str, [Arc<LimitedDocuments>; 2]); 2] {
    let day = Duration::from_secs(24 * 3600);
    let limited = |documents: Arc<dyn RegisteredDocuments>, limiter: Arc<dyn RateLimiter>| {
        let [bytes_per_user, bytes_per_address] = [3000, 2000].map(|bytes| Some(TokenBucket::new(bytes, day)));
        Arc::new(LimitedDocuments { documents, limiter, bytes_per_user, bytes_per_address })
    };
    let alone = limited(Arc::new(MemoryDocuments::new(1 << 20)), Arc::new(MemoryRateLimiter::default()));
    let (url, log) = (redis_server::shared_url(), LogId::new(rand::random()));
    let over_redis = || {
        let limiter = RedisRateLimiter::open(&url, log).unwrap();
        limited(Arc::new(node(&url, log, RETENTION)), Arc::new(limiter))
    };
    [("memory", [alone.clone(), alone]), ("Redis", [over_redis(), over_redis()])]
}

#[tokio::test]
async fn each_user_and_each_address_without_a_user_registers_no_more_than_their_bytes_a_day() {
    let user = |id| Caller::User(UserId::from_bytes([id; 16]));
    let address = |last| Caller::Address(ClientAddress::V4(Ipv4Addr::new(192, 0, 2, last)));
    for (engine, [here, there]) in limited() {
        // With what an entry takes beside its text, each is 1,000 bytes.
        let mut texts = (0..).map(|number| format!("{number:0>744}"));
        let mut registered = async |registrar, count| {
            let mut known = 0;
            for (text, at) in texts.by_ref().take(count).zip([&here, &there].into_iter().cycle()) {
                at.put(hash(&text), text.as_str().into(), registrar).await;
                known += usize::from(there.get(hash(&text)).await.is_some());
            }
            known
        };
        let mut found = Vec::new();
        for (registrar, count) in [
            (user(1), 4),
            (address(1), 4),
            (user(2), 4),
            (address(2), 4),
            (user(1), 2),
            (address(1), 2),
            (Caller::Server, 6),
        ] {
            found.push(registered(registrar, count).await);
        }
        assert_eq!(found, [3, 2, 3, 2, 0, 0, 6], "{engine}");
        let text = "{ a }";
        here.put(hash(text), text.into(), user(1)).await;
        assert_eq!(here.get(hash(text)).await, None, "{engine}: a small one does not fit either");
    }
}

#[tokio::test]
async fn without_redis_a_node_knows_only_its_own_documents() {
    let mut server = RedisServer::start();
    let [here, there] = [node(&server.url(), LogId::new(1), RETENTION), node(&server.url(), LogId::new(1), RETENTION)];
    here.put(HASH, "{ a }".into(), Caller::Server).await;
    server.kill();
    let begun = Stopwatch::start();
    assert_eq!(here.get(HASH).await.as_deref(), Some("{ a }"), "in memory");
    assert_eq!(there.get(HASH).await, None, "cannot be asked");
    for number in 0..50 {
        there.put([number; 32], "{ b }".into(), Caller::Server).await;
        assert_eq!(there.get([number; 32]).await.as_deref(), Some("{ b }"));
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "Redis is not waited for each time: {:?}", begun.elapsed());
    server.start_again();
    // Redis restarts empty; both nodes reconnect by themselves.
    wait_until("both find Redis again", TIMEOUT, async || {
        here.put([99; 32], "{ c }".into(), Caller::Server).await;
        there.get([99; 32]).await.as_deref() == Some("{ c }")
    })
    .await;
}

#[tokio::test]
async fn an_invalid_redis_url_is_refused() {
    let opened = RedisDocuments::open("http://localhost", LogId::new(1), MemoryDocuments::new(1 << 20), RETENTION);
    assert!(opened.err().unwrap().to_string().contains("not a Redis URL"));
}
