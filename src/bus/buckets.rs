//! Buckets of points that fill up over time: what rate limits are made of.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use moka::sync::Cache;

use crate::domain::Quota;

/// How many buckets a node remembers. One that is forgotten is full again, so those used least go first.
const CAPACITY: u64 = 100_000;

/// How full a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// How many points are in it.
    pub available: u32,
    /// How long it takes to be full.
    pub full_in: Duration,
}

/// There is less in the bucket than was to be taken. Nothing was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// What is in it.
    pub level: Level,
    /// When there is enough, if nobody takes from it.
    pub wait: Duration,
}

/// Keeps buckets, each beneath a key. Buckets that nobody has taken from are full.
#[async_trait]
pub trait Buckets: Send + Sync + 'static {
    /// Takes `points` from a bucket, or all that it can hold if that is less. Never fails for another reason, and never
    /// takes long.
    async fn take(&self, key: &str, quota: Quota, points: u64) -> Result<Level, Exhausted>;

    /// Puts back what was taken.
    async fn give_back(&self, key: &str, quota: Quota, points: u64);
}

/// What became of taking from a bucket that is full in `full_in` afterwards, or still if it `was_taken` not.
pub(super) fn taken(quota: Quota, points: u64, was_taken: bool, full_in: Duration) -> Result<Level, Exhausted> {
    let level = Level { available: quota.available(full_in), full_in };
    if was_taken {
        return Ok(level);
    }
    let enough = Duration::from_micros(quota.size_micros() - quota.micros_of(points));
    Err(Exhausted { level, wait: full_in.saturating_sub(enough) })
}

/// [`Buckets`] of this node alone.
pub struct MemoryBuckets {
    began: Instant,
    /// When each bucket is full, in microseconds since the beginning.
    full_at: Cache<String, Arc<AtomicU64>>,
}

impl MemoryBuckets {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn bucket(&self, key: &str) -> Arc<AtomicU64> {
        match self.full_at.get(key) {
            Some(bucket) => bucket,
            None => self.full_at.get_with(key.to_owned(), Arc::default),
        }
    }
}

impl Default for MemoryBuckets {
    fn default() -> Self {
        Self { began: Instant::now(), full_at: Cache::new(CAPACITY) }
    }
}

#[async_trait]
impl Buckets for MemoryBuckets {
    async fn take(&self, key: &str, quota: Quota, points: u64) -> Result<Level, Exhausted> {
        let (now, cost) = (self.now(), quota.micros_of(points));
        let after = |full_at: u64| full_at.max(now).saturating_add(cost);
        let fits = |full_at| Some(after(full_at)).filter(|after| after - now <= quota.size_micros());
        let (was_taken, full_at) = match self.bucket(key).fetch_update(Relaxed, Relaxed, fits) {
            Ok(before) => (true, after(before)),
            Err(before) => (false, before),
        };
        taken(quota, points, was_taken, Duration::from_micros(full_at.saturating_sub(now)))
    }

    async fn give_back(&self, key: &str, quota: Quota, points: u64) {
        let less = |full_at: u64| Some(full_at.saturating_sub(quota.micros_of(points)));
        let _ = self.bucket(key).fetch_update(Relaxed, Relaxed, less);
    }
}
