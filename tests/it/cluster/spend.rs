//! Points that are spent, whether or not the bucket holds them: what both rate limiters do, and what Redis gets of it.

use std::time::Instant;

use ::redis::{AsyncCommands, aio::MultiplexedConnection};
use orderwire::cluster::{RateLimiter, redis::RedisRateLimiter};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::{
    rate_limits::{engines, node, remaining, slow},
    redis_server::RedisServer,
    *,
};
use crate::support::wait_until;

/// Microseconds that one point of [`slow`] takes to refill.
const POINT: i64 = 60_000_000;
/// What a slow machine may take for a test, in microseconds.
const TOLERANCE: i64 = 30_000_000;

/// The buckets in Redis of a deployment.
struct Stored {
    redis: MultiplexedConnection,
    log: LogId,
}

impl Stored {
    async fn open(url: &str, log: LogId) -> Self {
        let client = ::redis::Client::open(url).unwrap();
        Self { redis: client.get_multiplexed_async_connection().await.unwrap(), log }
    }

    fn key(&self, bucket: &str) -> String {
        format!("orderwire:{:08x}:bucket:{bucket}", self.log.0)
    }

    /// Now, as microseconds on the clock of Redis.
    async fn now(&mut self) -> i64 {
        let (seconds, micros): (i64, i64) = ::redis::cmd("TIME").query_async(&mut self.redis).await.unwrap();
        seconds * 1_000_000 + micros
    }

    /// In how many microseconds a bucket is full; `None` if Redis has no time for it.
    async fn full_in(&mut self, bucket: &str) -> Option<i64> {
        let key = self.key(bucket);
        let full_at: Option<i64> = self.redis.get(key).await.ok().flatten();
        Some(full_at? - self.now().await)
    }

    /// Waits until a bucket lacks this many points.
    async fn wait_until_it_lacks(&mut self, bucket: &str, points: i64) {
        let expected = points * POINT - TOLERANCE..=points * POINT;
        wait_until(&format!("{bucket} lacks {points} points"), TIMEOUT, async || {
            self.full_in(bucket).await.is_some_and(|micros| expected.contains(&micros))
        })
        .await;
    }
}

/// A node that is connected to Redis, and the buckets there.
async fn connected(url: &str, log: LogId) -> (RedisRateLimiter, Stored) {
    let (limiter, mut stored) = (node(url, log), Stored::open(url, log).await);
    find_redis(&limiter, &mut stored).await;
    (limiter, stored)
}

/// Waits until Redis has what a node spends.
async fn find_redis(limiter: &RedisRateLimiter, stored: &mut Stored) {
    let bucket = format!("connected {}", rand::random::<u64>());
    wait_until("the node finds Redis", TIMEOUT, async || {
        limiter.spend(&bucket, slow(), 1).await;
        stored.full_in(&bucket).await.is_some()
    })
    .await;
}

#[tokio::test]
async fn spending_takes_what_is_there_and_up_to_a_whole_capacity_more() {
    for (engine, limiter) in engines().await {
        let mut found = Vec::new();
        for (key, points) in
            [("a", 4), ("a", 4), ("a", 4), ("a", 0), ("a", 8), ("c", 1000), ("c", 1000), ("c", 1000), ("c", 1)]
        {
            let state = limiter.spend(key, slow(), points).await;
            found.push((state.remaining, state.reset_after.as_secs().div_ceil(60)));
        }
        let owed = [(0, 10), (0, 20), (0, 20), (0, 20)];
        assert_eq!(found[..5], [(6, 4), (2, 8), (0, 12), (0, 12), (0, 20)], "{engine}");
        assert_eq!(found[5..], owed, "{engine}");
        let refused = limiter.take("a", slow(), 1).await.unwrap_err();
        let (wait, reset) = (refused.retry_after.as_secs(), refused.state.reset_after.as_secs());
        assert!((630..=660).contains(&wait) && (1170..=1200).contains(&reset), "{engine}: {refused:?}");
        limiter.refund("a", slow(), 10).await;
        limiter.refund("a", slow(), 4).await;
        assert_eq!(remaining(limiter.take("a", slow(), 4).await), Ok(0), "{engine}: 20 were owed, 14 are returned");
        assert_eq!(remaining(limiter.take("b", slow(), 10).await), Ok(0), "{engine}: another bucket");
    }
}

#[tokio::test]
async fn what_is_owed_is_paid_back_over_time() {
    for (engine, limiter) in engines().await {
        let bucket = TokenBucket::new(10, Duration::from_millis(500));
        let begun = Instant::now();
        limiter.spend("a", bucket, 10).await;
        limiter.spend("a", bucket, 6).await;
        wait_until("a point is there again", TIMEOUT, async || limiter.take("a", bucket, 1).await.is_ok()).await;
        assert!(begun.elapsed() > Duration::from_millis(340), "{engine}: 7 points take 350 ms: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn what_nodes_spend_is_added_up_in_redis_and_owed_on_each_of_them() {
    let (url, log) = (redis_server::shared_url(), LogId::new(rand::random()));
    let ((here, mut stored), (there, _)) = (connected(&url, log).await, connected(&url, log).await);
    for _ in 0..4 {
        tokio::join!(here.spend("a", slow(), 1), there.spend("a", slow(), 2));
    }
    stored.wait_until_it_lacks("a", 12).await;
    for node in [&here, &there] {
        wait_until("the node knows what both owe", TIMEOUT, async || {
            let refused = node.take("a", slow(), 1).await.unwrap_err();
            (150..=180).contains(&refused.retry_after.as_secs())
        })
        .await;
    }
    let stranger = node(&url, LogId::new(log.0.wrapping_add(1)));
    assert_eq!(remaining(stranger.take("a", slow(), 10).await), Ok(0), "another deployment");
}

/// A limit of which a tenth of a second's worth is many points.
#[tokio::test]
async fn small_amounts_are_sent_together_and_a_large_one_at_once() {
    let server = RedisServer::start();
    let (limiter, _) = connected(&server.url(), LogId::new(1)).await;
    let bucket = TokenBucket::new(200_000, Duration::from_secs(10));
    let address = server.url().strip_prefix("redis://").unwrap().to_owned();
    let mut monitor = BufReader::new(TcpStream::connect(&address).await.unwrap());
    monitor.write_all(b"MONITOR\r\n").await.unwrap();
    let mut next_line = async || {
        let mut line = String::new();
        tokio::time::timeout(TIMEOUT, monitor.read_line(&mut line)).await.expect("a line of Redis").unwrap();
        line
    };
    assert_eq!(next_line().await, "+OK\r\n");
    // The arguments of the next charge that Redis gets: what is spent, what is asked for, and the time to refill.
    let mut charge = async || loop {
        let line = next_line().await;
        let arguments = line.split_once("\"orderwire:00000001:bucket:a\" ");
        if let Some((_, arguments)) = arguments.filter(|_| line.contains("\"EVAL\"")) {
            break arguments.trim().replace('"', "");
        }
    };
    for _ in 0..100 {
        limiter.spend("a", bucket, 3).await;
    }
    assert_eq!(charge().await, "15000 0 10000000");
    limiter.spend("a", bucket, 150_000).await;
    assert_eq!(charge().await, "7500000 0 10000000");
}

#[tokio::test]
async fn a_bucket_expires_in_redis_when_it_is_full_on_the_clock_of_redis() {
    let (url, log) = (redis_server::shared_url(), LogId::new(rand::random()));
    let (limiter, mut stored) = connected(&url, log).await;
    limiter.spend("a", slow(), 10).await;
    limiter.spend("a", slow(), 8).await;
    stored.wait_until_it_lacks("a", 18).await;
    let (full_in, key) = (stored.full_in("a").await.unwrap(), stored.key("a"));
    let expires_in: i64 = stored.redis.pttl(key).await.unwrap();
    assert!((full_in / 1000 - 5000..=full_in / 1000 + 1).contains(&expires_in), "{expires_in} ms, {full_in} µs");
    let bucket = TokenBucket::new(10, Duration::from_secs(2));
    limiter.spend("b", bucket, 10).await;
    wait_until("Redis has it", TIMEOUT, async || stored.full_in("b").await.is_some()).await;
    wait_until("Redis forgets it", TIMEOUT, async || stored.full_in("b").await.is_none()).await;
    assert_eq!(remaining(limiter.take("b", bucket, 10).await), Ok(0));
}

/// As after the clock of Redis was set, or after a value was written by hand.
#[tokio::test]
async fn a_time_that_is_past_counts_as_full_and_one_too_far_ahead_as_a_whole_capacity_owed() {
    let (url, log) = (redis_server::shared_url(), LogId::new(rand::random()));
    let (limiter, mut stored) = connected(&url, log).await;
    let now = stored.now().await;
    for (bucket, full_at, lacking) in
        [("past", now - 3600 * 1_000_000, 3), ("ahead", now + 1000 * POINT, 20), ("never", i64::MAX, 20)]
    {
        let key = stored.key(bucket);
        let () = stored.redis.set(key, full_at).await.unwrap();
        limiter.spend(bucket, slow(), 3).await;
        stored.wait_until_it_lacks(bucket, lacking).await;
    }
}

#[tokio::test]
async fn a_key_that_holds_no_number_counts_as_full_and_disturbs_no_other_bucket() {
    let (url, log) = (redis_server::shared_url(), LogId::new(rand::random()));
    let (limiter, mut stored) = connected(&url, log).await;
    for (bucket, command, value) in [
        ("list", "RPUSH", &["1", "2"][..]),
        ("hash", "HSET", &["a", "1"]),
        ("set", "SADD", &["1"]),
        ("empty", "SET", &[""]),
        ("word", "SET", &["tomorrow"]),
        ("nothing", "SET", &["nan"]),
    ] {
        let key = stored.key(bucket);
        let _: ::redis::Value = ::redis::cmd(command).arg(key).arg(value).query_async(&mut stored.redis).await.unwrap();
        let beside = format!("beside {bucket}");
        tokio::join!(limiter.spend(bucket, slow(), 3), limiter.spend(&beside, slow(), 4));
        stored.wait_until_it_lacks(bucket, 3).await;
        stored.wait_until_it_lacks(&beside, 4).await;
        assert_eq!(remaining(limiter.take(bucket, slow(), 8).await), Err(7), "{bucket}");
    }
}

#[tokio::test]
async fn while_redis_is_away_a_node_counts_what_it_spends_and_later_settles_what_follows() {
    let mut server = RedisServer::start();
    let (url, log) = (server.url(), LogId::new(1));
    let ((here, mut stored), (there, _)) = (connected(&url, log).await, connected(&url, log).await);
    here.spend("a", slow(), 2).await;
    stored.wait_until_it_lacks("a", 2).await;
    server.kill();
    assert_eq!(here.spend("a", slow(), 3).await.remaining, 5, "what was spent before counts, too");
    assert_eq!(remaining(here.take("a", slow(), 6).await), Err(5));
    assert_eq!(remaining(there.take("a", slow(), 10).await), Ok(0), "the other node has a view of its own");
    server.start_again();
    // Redis restarts empty.
    let mut stored = Stored::open(&url, log).await;
    find_redis(&here, &mut stored).await;
    assert_eq!(stored.full_in("a").await, None, "what was spent while Redis was away is not sent afterwards");
    here.spend("a", slow(), 4).await;
    stored.wait_until_it_lacks("a", 4).await;
}
