//! Tests that both rate limiters must pass: the one in memory and the one in Redis.

use std::time::Instant;

use futures_util::{FutureExt, future::join_all};
use orderwire::cluster::{BucketState, Exhausted, MemoryRateLimiter, RateLimiter, redis::RedisRateLimiter};

use super::{redis_server::RedisServer, *};
use crate::support::{stopwatch::Stopwatch, wait_until};

/// Refills one point a minute, so none within a test.
pub fn slow() -> TokenBucket {
    TokenBucket::new(10, Duration::from_secs(600))
}

pub fn node(url: &str, log: LogId) -> RedisRateLimiter {
    RedisRateLimiter::open(url, log).unwrap()
}

pub async fn engines() -> [(&'static str, Arc<dyn RateLimiter>); 2] {
    let redis = node(&redis_server::shared_url(), LogId::new(rand::random()));
    [("memory", Arc::new(MemoryRateLimiter::default())), ("Redis", Arc::new(redis))]
}

pub fn remaining(taken: Result<BucketState, Exhausted>) -> Result<u32, u32> {
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
async fn small_charges_wait_for_no_answer_of_redis_and_are_settled_together() {
    let server = RedisServer::start();
    let limiter = node(&server.url(), LogId::new(1));
    let mut redis = ::redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut calls = async || {
        let stats: String = ::redis::cmd("INFO").arg("commandstats").query_async(&mut redis).await.unwrap();
        let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_eval:calls=")).unwrap_or("0,");
        line.split(',').next().unwrap().parse::<u64>().unwrap()
    };
    wait_until("there is a connection", TIMEOUT, async || {
        let _ = limiter.take("connect", slow(), 1).await;
        calls().await > 0
    })
    .await;
    let before = calls().await;
    // A tenth of a second's worth is 3 points.
    let bucket = TokenBucket::new(200_000, Duration::from_secs(6000));
    for _ in 0..3 {
        limiter.take("a", bucket, 1).now_or_never().expect("the node should decide by itself").unwrap();
    }
    assert!(limiter.take("a", bucket, 1).now_or_never().is_none(), "the fourth asks Redis");
    wait_until("they are settled", TIMEOUT, async || calls().await > before).await;
    assert_eq!(calls().await, before + 1, "one call has all four");
    wait_until("what is settled leaves room for more", TIMEOUT, async || {
        limiter.take("a", bucket, 1).now_or_never().is_some()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_over_three_nodes_gets_a_tenth_of_a_second_for_each_above_the_limit_at_most() {
    let (url, log) = (redis_server::shared_url(), LogId::new(rand::random()));
    // A thousand points a second, so that a node may have a hundred unsettled.
    let bucket = TokenBucket::new(1000, Duration::from_secs(1));
    let nodes: Vec<_> = (0..3).map(|_| Arc::new(node(&url, log))).collect();
    let begun = Instant::now();
    let floods = nodes.iter().flat_map(|node| (1..=4).map(move |points| (Arc::clone(node), points * 3)));
    let floods = floods.map(|(node, points)| {
        tokio::spawn(async move {
            let mut taken = 0;
            while begun.elapsed() < Duration::from_secs(2) {
                if node.take("a", bucket, points).await.is_ok() {
                    taken += points;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            taken
        })
    });
    let taken: u64 = join_all(floods).await.into_iter().map(Result::unwrap).sum();
    let allowed = 1000.0 * (1.0 + begun.elapsed().as_secs_f64());
    assert!(taken as f64 <= allowed + 3.0 * 100.0, "{taken} points, {allowed} are allowed");
    assert!(taken >= 2500, "{taken} points, {allowed} are allowed");
}

#[tokio::test]
async fn without_redis_each_node_counts_for_itself() {
    let mut server = RedisServer::start();
    let [here, there] = [node(&server.url(), LogId::new(1)), node(&server.url(), LogId::new(1))];
    here.take("a", slow(), 6).await.unwrap();
    server.kill();
    let begun = Stopwatch::start();
    assert_eq!(remaining(there.take("a", slow(), 6).await), Ok(4), "a node that knows nothing of the bucket");
    for node in [&here, &there] {
        for _ in 0..50 {
            assert_eq!(remaining(node.take("a", slow(), 6).await), Err(4), "what a node took itself, it remembers");
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
