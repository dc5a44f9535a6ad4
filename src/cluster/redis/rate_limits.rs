//! Rate limits of all nodes, kept in Redis.

use std::{sync::LazyLock, time::Duration};

use async_trait::async_trait;
use redis::Script;

use super::client::{ConnectError, OptionalRedis};
use crate::{
    cluster::{
        BucketState, Exhausted, MemoryRateLimiter, RateLimiter,
        rate_limits::{outcome, state},
    },
    domain::{LogId, TokenBucket},
};

/// Moves the time at which a bucket is full by `cost`, on the clock of Redis, unless that would be later than a whole
/// refill from now. If `debt` is 1, it moves in any case, to two refills from now at most. A negative cost is a refund. All
/// in microseconds. Returns whether it did, and how long until the bucket is full. The key expires when the bucket is full.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local cost, refill = tonumber(ARGV[1]), tonumber(ARGV[2])
        local before = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
        local after = math.max(before + cost, now)
        if ARGV[3] == '1' then
            after = math.min(after, now + 2 * refill)
        elseif cost > 0 and after - now > refill then
            return {0, before - now}
        end
        if after > now then
            redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
        else
            redis.call('DEL', KEYS[1])
        end
        return {1, after - now}",
    )
});

/// A [`RateLimiter`] shared by the nodes of a deployment. While Redis is away, each node has its own.
pub struct RedisRateLimiter {
    fallback: MemoryRateLimiter,
    redis: OptionalRedis,
    prefix: String,
}

impl RedisRateLimiter {
    /// The rate limiter of the deployment with this log. The only error is [`ConnectError::Url`]: the connection is made
    /// at the first call. Must be called within a Tokio runtime.
    pub fn open(url: &str, log: LogId) -> Result<Self, ConnectError> {
        let redis = OptionalRedis::open(url, "rate limits")?;
        Ok(Self { fallback: MemoryRateLimiter::default(), redis, prefix: format!("orderwire:{:08x}:bucket:", log.0) })
    }

    /// Whether `cost` was taken, and how long until the bucket is full; `None` while Redis is away.
    async fn add(&self, key: &str, cost: i64, debt: bool, bucket: TokenBucket) -> Option<(bool, Duration)> {
        let mut call = TAKE.key(format!("{}{key}", self.prefix));
        call.arg(cost).arg(bucket.refill_micros()).arg(u8::from(debt));
        let (taken, reset_after): (bool, u64) =
            self.redis.call(async |connection| call.invoke_async(connection).await).await?;
        Some((taken, Duration::from_micros(reset_after)))
    }
}

#[async_trait]
impl RateLimiter for RedisRateLimiter {
    async fn take(&self, key: &str, bucket: TokenBucket, points: u64) -> Result<BucketState, Exhausted> {
        match self.add(key, signed_micros(bucket, points), false, bucket).await {
            Some((taken, reset_after)) => outcome(bucket, points, taken, reset_after),
            None => self.fallback.take(key, bucket, points).await,
        }
    }

    async fn spend(&self, key: &str, bucket: TokenBucket, points: u64) -> BucketState {
        match self.add(key, signed_micros(bucket, points), true, bucket).await {
            Some((_, reset_after)) => state(bucket, reset_after),
            None => self.fallback.spend(key, bucket, points).await,
        }
    }

    async fn refund(&self, key: &str, bucket: TokenBucket, points: u64) {
        if self.add(key, -signed_micros(bucket, points), false, bucket).await.is_none() {
            self.fallback.refund(key, bucket, points).await;
        }
    }
}

/// How long `points` take to refill. Fits: [`TokenBucket::new`] limits the refill time.
fn signed_micros(bucket: TokenBucket, points: u64) -> i64 {
    bucket.refill_micros_of(points).cast_signed()
}
