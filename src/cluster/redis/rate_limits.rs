//! Rate limits of all nodes, kept in Redis.
//!
//! A node takes small charges from its own view of a bucket ([`NodeBucket`](crate::domain::NodeBucket)) and settles them
//! with Redis in the background ([`Settler`]). Larger ones, and those that its view can't answer, wait for Redis.
//!
//! Decision: `docs/decisions/0014-rate-limits.md`.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::task::AbortOnDropHandle;

use super::{
    client::{CALL_TIMEOUT, ConnectError, OptionalRedis},
    settler::Settler,
};
use crate::{
    cluster::{
        BucketState, Exhausted, RateLimiter,
        rate_limits::{KeyedBucket, NodeBuckets, outcome, state},
    },
    domain::{LocalDecision, LogId, TokenBucket},
};

/// A [`RateLimiter`] shared by the nodes of a deployment. While Redis is away, each node decides by its own view.
pub struct RedisRateLimiter {
    buckets: Arc<NodeBuckets>,
    settler: Arc<Settler>,
    _settling: AbortOnDropHandle<()>,
}

impl RedisRateLimiter {
    /// The rate limiter of the deployment with this log. The only error is [`ConnectError::Url`]: the connection is made
    /// at the first call. Must be called within a Tokio runtime.
    pub fn open(url: &str, log: LogId) -> Result<Self, ConnectError> {
        let redis = OptionalRedis::open(url, "rate limits", CALL_TIMEOUT)?;
        let buckets = Arc::new(NodeBuckets::default());
        let settler = Arc::new(Settler::new(redis, format!("orderwire:{:08x}:bucket:", log.0), Arc::clone(&buckets)));
        let settling = tokio::spawn(Arc::clone(&settler).run());
        Ok(Self { buckets, settler, _settling: AbortOnDropHandle::new(settling) })
    }

    /// Takes `cost`, or returns it if it is negative. Returns in how many microseconds the bucket is full, and whether so
    /// much is unsettled that it must be settled at once.
    fn spend_now(&self, keyed: &KeyedBucket, bucket: TokenBucket, cost: i64) -> (bool, u64) {
        self.buckets.update(keyed, |state, now| {
            state.spend(bucket, now, cost);
            state.must_settle()
        })
    }
}

#[async_trait]
impl RateLimiter for RedisRateLimiter {
    async fn take(&self, key: &str, bucket: TokenBucket, points: u64) -> Result<BucketState, Exhausted> {
        let cost = bucket.refill_micros_of(points);
        let keyed = self.buckets.get(key, bucket);
        let (decision, full_in) = self.buckets.update(&keyed, |state, now| state.take(bucket, now, cost));
        let (taken, full_in) = match decision {
            LocalDecision::Taken => {
                self.settler.settle_soon(&keyed, bucket);
                (true, full_in)
            }
            LocalDecision::Refused => (false, full_in),
            LocalDecision::Ask => match self.settler.ask(&keyed, bucket, cost).await {
                Some(answer) => answer,
                None => self.buckets.update(&keyed, |state, now| state.take_alone(bucket, now, cost)),
            },
        };
        outcome(bucket, points, taken, full_in)
    }

    /// Waits for no answer: until Redis has it, this node asks Redis before it takes more.
    async fn spend(&self, key: &str, bucket: TokenBucket, points: u64) -> BucketState {
        let keyed = self.buckets.get(key, bucket);
        let (at_once, full_in) = self.spend_now(&keyed, bucket, bucket.refill_micros_of(points).cast_signed());
        if at_once {
            self.settler.settle_now(&keyed, bucket);
        } else {
            self.settler.settle_soon(&keyed, bucket);
        }
        state(bucket, full_in)
    }

    /// Waits until Redis has it if it is more than a node may leave unsettled, so that other nodes know it then.
    async fn refund(&self, key: &str, bucket: TokenBucket, points: u64) {
        let keyed = self.buckets.get(key, bucket);
        let (at_once, _) = self.spend_now(&keyed, bucket, -bucket.refill_micros_of(points).cast_signed());
        if at_once {
            self.settler.ask(&keyed, bucket, 0).await;
        } else {
            self.settler.settle_soon(&keyed, bucket);
        }
    }
}
