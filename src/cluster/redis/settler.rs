//! Settles what a node took from its views of buckets with the buckets in Redis.
//!
//! One round is on its way to Redis at a time, so that answers arrive in the order in which Redis gave them. A round starts
//! at once when a charge waits for it, and [`SETTLE_EVERY`] after the first charge otherwise.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

use super::client::OptionalRedis;
use crate::{
    cluster::rate_limits::{KeyedBucket, NodeBuckets},
    domain::TokenBucket,
};

/// The longest that a charge waits to be sent to Redis. With the time that Redis takes, it stays below a tenth of a second.
const SETTLE_EVERY: Duration = Duration::from_millis(50);
/// The most buckets that one round trip settles.
const ROUND: usize = 256;

/// What [`TokenBucket::charge`] does, to the time at which a bucket is full on the clock of Redis, in microseconds. Returns
/// whether what was asked for was taken, and how long until the bucket is full. The key expires when the bucket is full. A
/// key whose value is no number counts as missing, and is replaced: an error would end the whole round.
const CHARGE: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local spent, asked, refill = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full = math.max(now, tonumber(redis.pcall('GET', KEYS[1])) or 0) + spent
full = math.max(now, math.min(full, now + 2 * refill))
local taken = asked == 0 or full - now + asked <= refill
if taken then full = full + asked end
if full > now then
    redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
else
    redis.call('DEL', KEYS[1])
end
return {taken and 1 or 0, full - now}";

/// The queue of buckets to settle, and the connection that settles them.
pub(super) struct Settler {
    redis: OptionalRedis,
    prefix: String,
    buckets: Arc<NodeBuckets>,
    queue: Mutex<Vec<Settlement>>,
    /// The queue has its first entry.
    filled: Notify,
    /// The next round must start at once.
    urgent: Notify,
}

/// A bucket to settle.
struct Settlement {
    keyed: Arc<KeyedBucket>,
    bucket: TokenBucket,
    /// What to take if the bucket holds as much.
    asked: u64,
    /// Who waits for whether it was taken, and in how many microseconds the bucket is full.
    caller: Option<oneshot::Sender<(bool, u64)>>,
}

impl Settler {
    pub fn new(redis: OptionalRedis, prefix: String, buckets: Arc<NodeBuckets>) -> Self {
        let queue = Mutex::default();
        Self { redis, prefix, buckets, queue, filled: Notify::new(), urgent: Notify::new() }
    }

    /// Settles what is unsettled of a bucket within [`SETTLE_EVERY`].
    pub fn settle_soon(&self, keyed: &Arc<KeyedBucket>, bucket: TokenBucket) {
        if !keyed.is_queued.swap(true, SeqCst) {
            self.push(Settlement { keyed: Arc::clone(keyed), bucket, asked: 0, caller: None });
        }
    }

    /// Settles what is unsettled of a bucket in the next round, which starts at once.
    pub fn settle_now(&self, keyed: &Arc<KeyedBucket>, bucket: TokenBucket) {
        self.settle_soon(keyed, bucket);
        self.urgent.notify_one();
    }

    /// Settles what is unsettled of a bucket, and takes `cost` from the shared bucket if it holds as much. Returns whether
    /// it does, and in how many microseconds it is full; `None` while Redis is away.
    pub async fn ask(&self, keyed: &Arc<KeyedBucket>, bucket: TokenBucket, cost: u64) -> Option<(bool, u64)> {
        let (caller, answer) = oneshot::channel();
        self.push(Settlement { keyed: Arc::clone(keyed), bucket, asked: cost, caller: Some(caller) });
        self.urgent.notify_one();
        answer.await.ok()
    }

    fn push(&self, settlement: Settlement) {
        let mut queue = self.queue.lock();
        queue.push(settlement);
        if queue.len() == 1 {
            self.filled.notify_one();
        }
    }

    /// Settles what is queued. Never ends.
    pub async fn run(self: Arc<Self>) {
        loop {
            self.filled.notified().await;
            // Ends early when a charge waits.
            let _ = timeout(SETTLE_EVERY, self.urgent.notified()).await;
            let mut queued = std::mem::take(&mut *self.queue.lock());
            queued.sort_by_key(|settlement| settlement.caller.is_none());
            while !queued.is_empty() {
                let later = queued.split_off(ROUND.min(queued.len()));
                self.settle(std::mem::replace(&mut queued, later)).await;
            }
        }
    }

    /// Settles these buckets in one round trip.
    async fn settle(&self, round: Vec<Settlement>) {
        let mut commands = redis::pipe();
        let mut sent = Vec::with_capacity(round.len());
        for Settlement { keyed, bucket, asked, caller } in round {
            // Before the state is read, so that what is taken after that is queued again.
            keyed.is_queued.store(false, SeqCst);
            let due = keyed.state.lock().begin_settling();
            if due == 0 && caller.is_none() {
                continue;
            }
            commands.cmd("EVAL").arg(CHARGE).arg(1).arg(format!("{}{}", self.prefix, keyed.key));
            commands.arg(due).arg(asked).arg(bucket.refill_micros());
            sent.push((keyed, bucket, due, caller));
        }
        if sent.is_empty() {
            return;
        }
        let answers: Option<Vec<(bool, u64)>> =
            self.redis.call(async |connection| commands.query_async(connection).await).await;
        // Fewer answers than questions count as none.
        let mut answers = answers.unwrap_or_default().into_iter();
        for (keyed, bucket, due, caller) in sent {
            match answers.next() {
                Some((taken, full_in)) => {
                    self.buckets.update(&keyed, |state, now| state.settled(bucket, now, due, full_in));
                    if let Some(caller) = caller {
                        // Fails if the caller has gone away; what it took stays taken.
                        let _ = caller.send((taken, full_in));
                    }
                }
                None => _ = self.buckets.update(&keyed, |state, _| state.unanswered(due)),
            }
        }
    }
}
