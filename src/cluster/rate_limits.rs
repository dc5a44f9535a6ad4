//! Rate limits: token buckets, one for each key.
//!
//! Decision: `docs/decisions/0014-rate-limits.md`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use moka::sync::Cache;

use crate::domain::TokenBucket;

/// How many buckets a node remembers. The least recently used ones are forgotten first; a forgotten bucket is full again.
const CAPACITY: u64 = 100_000;

/// How full a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketState {
    /// Points left in it.
    pub remaining: u32,
    /// How long it takes to be full again.
    pub reset_after: Duration,
}

/// The bucket holds less than was asked for. Nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// The unchanged state of the bucket.
    pub state: BucketState,
    /// How long until it holds enough, if nobody takes from it.
    pub retry_after: Duration,
}

/// Keeps a token bucket for each key. A bucket that was never taken from is full.
#[async_trait]
pub trait RateLimiter: Send + Sync + 'static {
    /// Takes `points` from the bucket of `key`, or its whole capacity if that is less. Exhaustion is the only error:
    /// an implementation that cannot reach its shared state decides by itself, quickly.
    async fn take(&self, key: &str, bucket: TokenBucket, points: u64) -> Result<BucketState, Exhausted>;

    /// Takes `points` even if the bucket holds less, down to a whole capacity below zero: what was used up already must be
    /// paid for. Returns the state after it.
    async fn spend(&self, key: &str, bucket: TokenBucket, points: u64) -> BucketState;

    /// Returns points that were taken.
    async fn refund(&self, key: &str, bucket: TokenBucket, points: u64);
}

/// How full a bucket is that will be full after `reset_after`.
pub(super) fn state(bucket: TokenBucket, reset_after: Duration) -> BucketState {
    BucketState { remaining: bucket.remaining(reset_after), reset_after }
}

/// The result of taking `points`: `taken` says whether the bucket held enough, `reset_after` how full it is now.
pub(super) fn outcome(
    bucket: TokenBucket,
    points: u64,
    taken: bool,
    reset_after: Duration,
) -> Result<BucketState, Exhausted> {
    let state = state(bucket, reset_after);
    if taken {
        return Ok(state);
    }
    let enough = Duration::from_micros(bucket.refill_micros() - bucket.refill_micros_of(points));
    Err(Exhausted { state, retry_after: reset_after.saturating_sub(enough) })
}

/// A [`RateLimiter`] of this node alone.
pub struct MemoryRateLimiter {
    epoch: Instant,
    /// When each bucket is full, in microseconds since `epoch`.
    full_at: Cache<String, Arc<AtomicU64>>,
}

impl MemoryRateLimiter {
    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn full_at(&self, key: &str) -> Arc<AtomicU64> {
        match self.full_at.get(key) {
            Some(full_at) => full_at,
            None => self.full_at.get_with(key.to_owned(), Arc::default),
        }
    }
}

impl Default for MemoryRateLimiter {
    fn default() -> Self {
        Self { epoch: Instant::now(), full_at: Cache::new(CAPACITY) }
    }
}

#[async_trait]
impl RateLimiter for MemoryRateLimiter {
    async fn take(&self, key: &str, bucket: TokenBucket, points: u64) -> Result<BucketState, Exhausted> {
        let (now, cost) = (self.now(), bucket.refill_micros_of(points));
        let after = |full_at: u64| full_at.max(now).saturating_add(cost);
        let fits = |full_at| Some(after(full_at)).filter(|after| after - now <= bucket.refill_micros());
        let (taken, full_at) = match self.full_at(key).fetch_update(Relaxed, Relaxed, fits) {
            Ok(before) => (true, after(before)),
            Err(before) => (false, before),
        };
        outcome(bucket, points, taken, Duration::from_micros(full_at.saturating_sub(now)))
    }

    async fn spend(&self, key: &str, bucket: TokenBucket, points: u64) -> BucketState {
        let (now, cost) = (self.now(), bucket.refill_micros_of(points));
        let latest = now.saturating_add(2 * bucket.refill_micros());
        let after = |full_at: u64| full_at.max(now).saturating_add(cost).min(latest);
        let full_at = self.full_at(key).fetch_update(Relaxed, Relaxed, |full_at| Some(after(full_at)));
        let full_at = full_at.map_or_else(|unchanged| unchanged, after);
        state(bucket, Duration::from_micros(full_at.saturating_sub(now)))
    }

    async fn refund(&self, key: &str, bucket: TokenBucket, points: u64) {
        let earlier = |full_at: u64| Some(full_at.saturating_sub(bucket.refill_micros_of(points)));
        let _ = self.full_at(key).fetch_update(Relaxed, Relaxed, earlier);
    }
}
