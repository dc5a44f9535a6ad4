//! The behaviour of buckets, in memory and in Redis.

use std::time::Instant;

use futures_util::future::join_all;
use orderwire::bus::{Buckets, Exhausted, Level, MemoryBuckets, redis::RedisBuckets};

use super::{redis_server::RedisServer, *};
use crate::support::wait_until;

/// A point comes back every minute: within a test, none.
fn slow() -> Quota {
    Quota::new(10, Duration::from_secs(600))
}

fn node(url: &str, log: LogId) -> RedisBuckets {
    RedisBuckets::open(url, log).unwrap()
}

async fn engines() -> [(&'static str, Arc<dyn Buckets>); 2] {
    let redis = node(&redis_server::shared_url(), LogId(rand::random()));
    [("memory", Arc::new(MemoryBuckets::default())), ("Redis", Arc::new(redis))]
}

fn available(taken: Result<Level, Exhausted>) -> Result<u32, u32> {
    taken.map(|level| level.available).map_err(|exhausted| exhausted.level.available)
}

#[tokio::test]
async fn a_bucket_holds_so_much_and_no_more() {
    for (engine, buckets) in engines().await {
        assert_eq!(available(buckets.take("a", slow(), 4).await), Ok(6), "{engine}");
        assert_eq!(available(buckets.take("a", slow(), 7).await), Err(6), "{engine}");
        assert_eq!(available(buckets.take("a", slow(), 6).await), Ok(0), "{engine}");
        let exhausted = buckets.take("a", slow(), 2).await.unwrap_err();
        let (wait, full_in) = (exhausted.wait.as_secs_f64(), exhausted.level.full_in.as_secs_f64());
        assert!((110.0..=120.0).contains(&wait) && (590.0..=600.0).contains(&full_in), "{engine}: {exhausted:?}");
        assert_eq!(available(buckets.take("b", slow(), 1).await), Ok(9), "{engine}: another bucket");
    }
}

#[tokio::test]
async fn more_than_a_bucket_can_hold_takes_all_of_it() {
    for (engine, buckets) in engines().await {
        assert_eq!(available(buckets.take("a", slow(), 1000).await), Ok(0), "{engine}");
        assert_eq!(available(buckets.take("a", slow(), 1000).await), Err(0), "{engine}");
    }
}

#[tokio::test]
async fn what_is_given_back_can_be_taken_again() {
    for (engine, buckets) in engines().await {
        buckets.take("a", slow(), 10).await.unwrap();
        buckets.give_back("a", slow(), 3).await;
        assert_eq!(available(buckets.take("a", slow(), 4).await), Err(3), "{engine}");
        buckets.give_back("a", slow(), 100).await;
        buckets.give_back("a", slow(), 100).await;
        assert_eq!(available(buckets.take("a", slow(), 1).await), Ok(9), "{engine}: never more than full");
    }
}

#[tokio::test]
async fn points_come_back_with_time() {
    for (engine, buckets) in engines().await {
        let quota = Quota::new(10, Duration::from_secs(1));
        buckets.take("a", quota, 10).await.unwrap();
        let exhausted = buckets.take("a", quota, 2).await.unwrap_err();
        let begun = Instant::now();
        wait_until("two points are back", SOON, async || buckets.take("a", quota, 2).await.is_ok()).await;
        assert!(begun.elapsed() + Duration::from_millis(20) > exhausted.wait, "{engine}: {exhausted:?}");
    }
}

#[tokio::test]
async fn of_many_at_once_as_many_succeed_as_there_are_points() {
    for (engine, buckets) in engines().await {
        let quota = Quota::new(100, Duration::from_secs(6000));
        let taken = join_all((0..300).map(|_| buckets.take("a", quota, 1))).await;
        assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 100, "{engine}");
    }
}

#[tokio::test]
async fn nodes_take_from_the_same_bucket_which_redis_forgets_when_it_is_full() {
    let (url, log) = (redis_server::shared_url(), LogId(rand::random()));
    let [here, there] = [node(&url, log), node(&url, log)];
    here.take("a", slow(), 6).await.unwrap();
    assert_eq!(available(there.take("a", slow(), 6).await), Err(4));
    let stranger = node(&url, LogId(log.0.wrapping_add(1)));
    assert_eq!(available(stranger.take("a", slow(), 6).await), Ok(4), "another deployment");
    let mut redis = ::redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let key = format!("orderwire:{:08x}:bucket:a", log.0);
    let left: i64 = ::redis::cmd("TTL").arg(&key).query_async(&mut redis).await.unwrap();
    assert!((350..=360).contains(&left), "{left}");
    there.give_back("a", slow(), 6).await;
    assert!(!::redis::cmd("EXISTS").arg(&key).query_async::<bool>(&mut redis).await.unwrap());
}

#[tokio::test]
async fn without_redis_each_node_has_limits_of_its_own() {
    let mut server = RedisServer::start();
    let [here, there] = [node(&server.url(), LogId(1)), node(&server.url(), LogId(1))];
    here.take("a", slow(), 6).await.unwrap();
    server.kill();
    let begun = Instant::now();
    for node in [&here, &there] {
        assert_eq!(available(node.take("a", slow(), 6).await), Ok(4));
        for _ in 0..50 {
            assert_eq!(available(node.take("a", slow(), 6).await), Err(4));
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "Redis is not waited for each time: {:?}", begun.elapsed());
    server.start_again();
    wait_until("both find Redis again", SOON, async || {
        let quota = Quota::new(1, Duration::from_secs(600));
        let key = format!("b{}", begun.elapsed().as_nanos());
        here.take(&key, quota, 1).await.is_ok() && there.take(&key, quota, 1).await.is_err()
    })
    .await;
}
