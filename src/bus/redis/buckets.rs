//! Buckets of all nodes, kept in Redis.

use std::{sync::LazyLock, time::Duration};

use async_trait::async_trait;
use redis::Script;

use super::{BusError, shared::Shared};
use crate::{
    bus::{Buckets, Exhausted, Level, MemoryBuckets, buckets::taken},
    domain::{LogId, Quota},
};

/// Adds to the time at which a bucket is full, by the clock of Redis, unless that would be more than a bucket's size from
/// now. All in microseconds. Answers whether it did, and in what time the bucket is full.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local cost, size = tonumber(ARGV[1]), tonumber(ARGV[2])
        local before = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
        local after = math.max(before + cost, now)
        if cost > 0 and after - now > size then return {0, before - now} end
        if after > now then
            redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
        else
            redis.call('DEL', KEYS[1])
        end
        return {1, after - now}",
    )
});

/// [`Buckets`] of all nodes of a deployment. While Redis is away, each node has its own.
pub struct RedisBuckets {
    own: MemoryBuckets,
    shared: Shared,
    prefix: String,
}

impl RedisBuckets {
    /// Of the deployment with this log. Connects when it is used first; the only error is [`BusError::Url`]. Must be
    /// called within a Tokio runtime.
    pub fn open(url: &str, log: LogId) -> Result<Self, BusError> {
        let shared = Shared::open(url, "rate limits")?;
        Ok(Self { own: MemoryBuckets::default(), shared, prefix: format!("orderwire:{:08x}:bucket:", log.0) })
    }

    /// Whether `cost` was added, and when the bucket is full.
    async fn add(&self, key: &str, cost: i64, quota: Quota) -> Option<(bool, Duration)> {
        let mut call = TAKE.key(format!("{}{key}", self.prefix));
        call.arg(cost).arg(quota.size_micros());
        let (was_taken, full_in): (bool, u64) =
            self.shared.ask(async |connection| call.invoke_async(connection).await).await?;
        Some((was_taken, Duration::from_micros(full_in)))
    }
}

#[async_trait]
impl Buckets for RedisBuckets {
    async fn take(&self, key: &str, quota: Quota, points: u64) -> Result<Level, Exhausted> {
        match self.add(key, micros(quota, points), quota).await {
            Some((was_taken, full_in)) => taken(quota, points, was_taken, full_in),
            None => self.own.take(key, quota, points).await,
        }
    }

    async fn give_back(&self, key: &str, quota: Quota, points: u64) {
        if self.add(key, -micros(quota, points), quota).await.is_none() {
            self.own.give_back(key, quota, points).await;
        }
    }
}

/// The time that so many points take to come back; a quota's times are limited and fit.
fn micros(quota: Quota, points: u64) -> i64 {
    quota.micros_of(points).cast_signed()
}
