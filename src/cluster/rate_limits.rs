//! Rate limits: token buckets, one for each key.
//!
//! Decision: `docs/decisions/0014-rate-limits.md`.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use moka::{Expiry, sync::Cache};
use parking_lot::Mutex;

use crate::domain::{NodeBucket, TokenBucket};

/// Estimated bytes of all buckets that a node remembers. A bucket that is forgotten before it is full is full again.
const BYTES: u64 = 32 * 1024 * 1024;
/// Estimated bytes of a bucket without its key.
const ENTRY_BYTES: u32 = 384;

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

/// The result of taking `points`: `taken` says whether the bucket held enough, `full_in` in how many microseconds it is
/// full.
pub(super) fn outcome(bucket: TokenBucket, points: u64, taken: bool, full_in: u64) -> Result<BucketState, Exhausted> {
    let state = state(bucket, full_in);
    if taken {
        return Ok(state);
    }
    let enough = Duration::from_micros(bucket.refill_micros() - bucket.refill_micros_of(points));
    Err(Exhausted { state, retry_after: state.reset_after.saturating_sub(enough) })
}

/// How full a bucket is that will be full after `full_in` microseconds.
pub(super) fn state(bucket: TokenBucket, full_in: u64) -> BucketState {
    let reset_after = Duration::from_micros(full_in);
    BucketState { remaining: bucket.remaining(reset_after), reset_after }
}

/// The buckets that a node has taken from lately. They take about [`BYTES`] at most: then it forgets those that are used
/// least. It also forgets a bucket that nobody took from for as long as it takes to fill.
pub(super) struct NodeBuckets {
    epoch: Instant,
    buckets: Cache<Arc<str>, Arc<KeyedBucket>>,
}

/// A node's view of the bucket of one key.
pub(super) struct KeyedBucket {
    pub key: Arc<str>,
    pub state: Mutex<NodeBucket>,
    /// Whether it is in the queue of buckets to settle.
    pub is_queued: AtomicBool,
    forgotten_after: Duration,
}

impl NodeBuckets {
    /// Now, as microseconds on the clock of the buckets.
    pub fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The view of the bucket of `key`; full if this node does not know it.
    pub fn get(&self, key: &str, bucket: TokenBucket) -> Arc<KeyedBucket> {
        if let Some(known) = self.buckets.get(key) {
            return known;
        }
        // Twice, because what is spent can leave a bucket a whole capacity below zero.
        let forgotten_after = 2 * bucket.refill() + Duration::from_secs(1);
        let key: Arc<str> = key.into();
        self.buckets.get_with(Arc::clone(&key), || {
            Arc::new(KeyedBucket { key, state: Mutex::default(), is_queued: false.into(), forgotten_after })
        })
    }

    /// Changes the state of a bucket. Returns what `change` does, and the microseconds until the bucket is full.
    pub fn update<T>(&self, keyed: &KeyedBucket, change: impl FnOnce(&mut NodeBucket, u64) -> T) -> (T, u64) {
        let mut state = keyed.state.lock();
        let now = self.now();
        (change(&mut state, now), state.full_in(now))
    }
}

impl Default for NodeBuckets {
    fn default() -> Self {
        let weigh = |key: &Arc<str>, _: &Arc<KeyedBucket>| {
            u32::try_from(key.len()).unwrap_or(u32::MAX).saturating_add(ENTRY_BYTES)
        };
        let buckets = Cache::builder().max_capacity(BYTES).weigher(weigh).expire_after(WhenFull).build();
        Self { epoch: Instant::now(), buckets }
    }
}

/// Forgets a bucket that nobody has read for as long as it takes to fill.
struct WhenFull;

impl Expiry<Arc<str>, Arc<KeyedBucket>> for WhenFull {
    fn expire_after_create(&self, _: &Arc<str>, keyed: &Arc<KeyedBucket>, _: Instant) -> Option<Duration> {
        Some(keyed.forgotten_after)
    }

    fn expire_after_read(
        &self,
        _: &Arc<str>,
        keyed: &Arc<KeyedBucket>,
        _: Instant,
        _: Option<Duration>,
        _: Instant,
    ) -> Option<Duration> {
        Some(keyed.forgotten_after)
    }
}

/// A [`RateLimiter`] of this node alone.
#[derive(Default)]
pub struct MemoryRateLimiter(NodeBuckets);

#[async_trait]
impl RateLimiter for MemoryRateLimiter {
    async fn take(&self, key: &str, bucket: TokenBucket, points: u64) -> Result<BucketState, Exhausted> {
        let cost = bucket.refill_micros_of(points);
        let keyed = self.0.get(key, bucket);
        let (taken, full_in) = self.0.update(&keyed, |state, now| state.take_alone(bucket, now, cost));
        outcome(bucket, points, taken, full_in)
    }

    async fn spend(&self, key: &str, bucket: TokenBucket, points: u64) -> BucketState {
        let cost = bucket.refill_micros_of(points).cast_signed();
        let ((), full_in) = self.0.update(&self.0.get(key, bucket), |state, now| state.spend_alone(bucket, now, cost));
        state(bucket, full_in)
    }

    async fn refund(&self, key: &str, bucket: TokenBucket, points: u64) {
        let cost = bucket.refill_micros_of(points).cast_signed();
        self.0.update(&self.0.get(key, bucket), |state, now| state.spend_alone(bucket, now, -cost));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_that_are_full_again_are_forgotten_and_all_fit_into_their_memory() {
        let buckets = NodeBuckets::default();
        let keyed = buckets.get("a", TokenBucket::new(10, Duration::from_secs(60)));
        assert_eq!(WhenFull.expire_after_create(&"a".into(), &keyed, Instant::now()), Some(Duration::from_secs(121)));
        for number in 0..2 * BYTES / u64::from(ENTRY_BYTES) {
            buckets.get(&format!("cost:{number}"), TokenBucket::new(10, Duration::from_secs(60)));
        }
        buckets.buckets.run_pending_tasks();
        let weight = buckets.buckets.weighted_size();
        assert!((BYTES / 2..=BYTES).contains(&weight), "{weight}");
    }
}
