//! Tests that both rate limiters must pass: the one in memory and the one in Redis.

use std::time::Instant;

use futures_util::future::join_all;
use orderwire::cluster::{BucketState, Exhausted, MemoryRateLimiter, RateLimiter, redis::RedisRateLimiter};

use super::{redis_server::RedisServer, *};
use crate::support::{stopwatch::Stopwatch, wait_until};

/// Refills one point a minute, so none within a test.
fn slow() -> TokenBucket {
    TokenBucket::new(10, Duration::from_secs(600))
}

fn node(url: &str, log: LogId) -> RedisRateLimiter {
    RedisRateLimiter::open(url, log).unwrap()
}

async fn engines() -> [(&'static str, Arc<dyn RateLimiter>); 2] {
    let redis = node(&redis_server::shared_url(), LogId::new(rand::random()));
    [("memory", Arc::new(MemoryRateLimiter::default())), ("Redis", Arc::new(redis))]
}

fn remaining(taken: Result<BucketState, Exhausted>) -> Result<u32, u32> {
    taken.map(|state| state.remaining).map_err(|exhausted| exhausted.state.remaining)
}

#[tokio::test]
async fn an_empty_bucket_refuses_and_says_how_long_to_wait() {
    for (engine, limiter) in engines().await {
        assert_eq!(remaining(limiter.take("a", slow(), 4).await), Ok(6), "{engine}");
        assert_eq!(remaining(limiter.take("a", slow(), 7).await), Err(6), "{engine}");
        assert_eq!(remaining(limiter.take("a", slow(), 6).await), Ok(0), "{engine}");
        let exhausted = limiter.take("a", slow(), 2).await.unwrap_err();
        let (wait, reset_after) = (exhausted.retry_after.as_secs_f64(), exhausted.state.reset_after.as_secs_f64());
        assert!((110.0..=120.0).contains(&wait) && (590.0..=600.0).contains(&reset_after), "{engine}: {exhausted:?}");
        assert_eq!(remaining(limiter.take("b", slow(), 1).await), Ok(9), "{engine}: another bucket");
    }
}

#[tokio::test]
async fn a_charge_above_the_capacity_takes_the_whole_bucket() {
    for (engine, limiter) in engines().await {
        assert_eq!(remaining(limiter.take("a", slow(), 1000).await), Ok(0), "{engine}");
        assert_eq!(remaining(limiter.take("a", slow(), 1000).await), Err(0), "{engine}");
    }
}

#[tokio::test]
async fn refunded_points_can_be_taken_again_up_to_the_capacity() {
    for (engine, limiter) in engines().await {
        limiter.take("a", slow(), 10).await.unwrap();
        limiter.refund("a", slow(), 3).await;
        assert_eq!(remaining(limiter.take("a", slow(), 4).await), Err(3), "{engine}");
        limiter.refund("a", slow(), 100).await;
        limiter.refund("a", slow(), 100).await;
        assert_eq!(remaining(limiter.take("a", slow(), 1).await), Ok(9), "{engine}: never more than full");
    }
}

#[tokio::test]
async fn points_refill_over_time() {
    for (engine, limiter) in engines().await {
        let bucket = TokenBucket::new(10, Duration::from_secs(1));
        limiter.take("a", bucket, 10).await.unwrap();
        let exhausted = limiter.take("a", bucket, 2).await.unwrap_err();
        let begun = Instant::now();
        wait_until("two points are back", TIMEOUT, async || limiter.take("a", bucket, 2).await.is_ok()).await;
        assert!(begun.elapsed() + Duration::from_millis(20) > exhausted.retry_after, "{engine}: {exhausted:?}");
    }
}

#[tokio::test]
async fn concurrent_takers_get_exactly_the_points_there_are() {
    for (engine, limiter) in engines().await {
        let bucket = TokenBucket::new(100, Duration::from_secs(6000));
        let taken = join_all((0..300).map(|_| limiter.take("a", bucket, 1))).await;
        assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 100, "{engine}");
    }
}

#[tokio::test]
async fn nodes_share_a_bucket_and_redis_drops_it_once_full() {
    let (url, log) = (redis_server::shared_url(), LogId::new(rand::random()));
    let [here, there] = [node(&url, log), node(&url, log)];
    here.take("a", slow(), 6).await.unwrap();
    assert_eq!(remaining(there.take("a", slow(), 6).await), Err(4));
    let stranger = node(&url, LogId::new(log.0.wrapping_add(1)));
    assert_eq!(remaining(stranger.take("a", slow(), 6).await), Ok(4), "another deployment");
    let mut redis = ::redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let key = format!("orderwire:{:08x}:bucket:a", log.0);
    let left: i64 = ::redis::cmd("TTL").arg(&key).query_async(&mut redis).await.unwrap();
    assert!((350..=360).contains(&left), "{left}");
    there.refund("a", slow(), 6).await;
    assert!(!::redis::cmd("EXISTS").arg(&key).query_async::<bool>(&mut redis).await.unwrap());
}

#[tokio::test]
async fn without_redis_each_node_counts_for_itself() {
    let mut server = RedisServer::start();
    let [here, there] = [node(&server.url(), LogId::new(1)), node(&server.url(), LogId::new(1))];
    here.take("a", slow(), 6).await.unwrap();
    server.kill();
    let begun = Stopwatch::start();
    for node in [&here, &there] {
        assert_eq!(remaining(node.take("a", slow(), 6).await), Ok(4));
        for _ in 0..50 {
            assert_eq!(remaining(node.take("a", slow(), 6).await), Err(4));
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "Redis is not waited for each time: {:?}", begun.elapsed());
    server.start_again();
    wait_until("both find Redis again", TIMEOUT, async || {
        let bucket = TokenBucket::new(1, Duration::from_secs(600));
        let key = format!("b{}", rand::random::<u64>());
        here.take(&key, bucket, 1).await.is_ok() && there.take(&key, bucket, 1).await.is_err()
    })
    .await;
}
