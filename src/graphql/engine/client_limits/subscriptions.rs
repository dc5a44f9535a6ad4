//! Subscriptions that are open, and what they take while they are: products that are watched, and memory.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use crate::{
    domain::{ClientAddress, Viewer},
    fairness::{Caller, ClientCounters, CounterIndex, try_add},
    graphql::engine::{
        code,
        error::{ApiError, ApiResult},
    },
    telemetry::metrics,
};

/// Estimated bytes of an open subscription without its variables: its stream, its position and its registration.
const SUBSCRIPTION_BYTES: usize = 2048;
/// Estimated bytes of each entity that it watches.
const WATCHED_BYTES: usize = 400;

/// What open subscriptions take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionShare {
    /// Number of subscriptions.
    pub subscriptions: usize,
    /// Entities that they name, which are watched one by one.
    pub watched: usize,
    /// Estimated bytes of memory.
    pub bytes: usize,
}

impl SubscriptionShare {
    /// One subscription that watches this many entities one by one, with variables of about this many bytes.
    pub fn one(watched: usize, variables: usize) -> Self {
        let bytes = SUBSCRIPTION_BYTES + variables + WATCHED_BYTES * watched;
        Self { subscriptions: 1, watched, bytes }
    }
}

/// How much the open subscriptions of a client may take.
#[derive(Debug, Clone, Copy)]
pub struct SubscriptionLimits {
    /// Of one user.
    pub user: SubscriptionShare,
    /// Of one address, with and without signing in.
    pub address: SubscriptionShare,
    /// Estimated bytes of all subscriptions of this node.
    pub node_bytes: usize,
}

/// Limits the open subscriptions of users and addresses on this node.
pub struct SubscriptionLimiter {
    limits: SubscriptionLimits,
    subscriptions: ClientCounters,
    watched: ClientCounters,
    bytes: ClientCounters,
    node_bytes: AtomicUsize,
}

/// The right to keep a subscription open; released on drop.
pub struct SubscriptionPermit {
    limiter: Arc<SubscriptionLimiter>,
    share: SubscriptionShare,
    counted: [Option<CounterIndex>; 2],
}

impl SubscriptionLimiter {
    /// A limiter that has given no permits.
    pub fn new(limits: SubscriptionLimits) -> Arc<Self> {
        let counters = ClientCounters::default;
        let node_bytes = AtomicUsize::new(0);
        Arc::new(Self { limits, subscriptions: counters(), watched: counters(), bytes: counters(), node_bytes })
    }

    /// A permit for a subscription of this viewer from this address, `None` if addresses are not limited.
    ///
    /// # Errors
    ///
    /// RATE_LIMITED with the limit that the subscription would exceed; UNAVAILABLE if that is the node's.
    pub fn acquire(
        self: &Arc<Self>,
        viewer: Viewer,
        address: Option<ClientAddress>,
        share: SubscriptionShare,
    ) -> ApiResult<SubscriptionPermit> {
        if !try_add(&self.node_bytes, share.bytes, self.limits.node_bytes) {
            metrics().refusals.with_labels(["subscription_bytes"]).inc();
            let limit = self.limits.node_bytes;
            let message =
                format!("The subscriptions of this server take {limit} bytes of memory already; try again in 1 s.");
            return Err(ApiError::over_limit(code::UNAVAILABLE, message, limit));
        }
        let mut permit = SubscriptionPermit::uncounted(self.clone(), share);
        let user = Caller::known(&viewer);
        let keys = [(user, self.limits.user, "user"), (address.map(Caller::Address), self.limits.address, "address")];
        for (counted, (key, limits, whose)) in permit.counted.iter_mut().zip(keys) {
            let Some(key) = key else { continue };
            let index = self.subscriptions.index(key);
            if let Err(exceeded) = self.take(index, share, limits) {
                return Err(exceeded.to_error(whose));
            }
            *counted = Some(index);
        }
        Ok(permit)
    }

    /// Adds to all counters of a client, or to none.
    fn take(&self, index: CounterIndex, share: SubscriptionShare, limits: SubscriptionShare) -> Result<(), Exceeded> {
        if !self.subscriptions.try_add(index, share.subscriptions, limits.subscriptions) {
            return Err(Exceeded { limit: "subscriptions", what: "subscriptions", most: limits.subscriptions });
        }
        if !self.watched.try_add(index, share.watched, limits.watched) {
            self.subscriptions.subtract(index, share.subscriptions);
            return Err(Exceeded { limit: "watched_products", what: "watched products", most: limits.watched });
        }
        if !self.bytes.try_add(index, share.bytes, limits.bytes) {
            self.subscriptions.subtract(index, share.subscriptions);
            self.watched.subtract(index, share.watched);
            let what = "bytes of memory for subscriptions and their variables";
            return Err(Exceeded { limit: "subscription_bytes", what, most: limits.bytes });
        }
        Ok(())
    }
}

/// The limit that a subscription would exceed.
struct Exceeded {
    /// Its name in metrics.
    limit: &'static str,
    what: &'static str,
    most: usize,
}

impl Exceeded {
    fn to_error(&self, whose: &'static str) -> ApiError {
        metrics().refusals.with_labels([self.limit]).inc();
        let (what, most) = (self.what, self.most);
        ApiError::rate_limited(format!(
            "Too many open subscriptions: at most {most} {what} of one {whose} at once; end others first."
        ))
    }
}

impl SubscriptionPermit {
    fn uncounted(limiter: Arc<SubscriptionLimiter>, share: SubscriptionShare) -> Self {
        metrics().watched_products.inc_by(share.watched as i64);
        metrics().subscription_bytes.inc_by(share.bytes as i64);
        Self { limiter, share, counted: [None; 2] }
    }
}

impl Drop for SubscriptionPermit {
    fn drop(&mut self) {
        let Self { limiter, share, counted } = self;
        limiter.node_bytes.fetch_sub(share.bytes, Relaxed);
        for index in counted.iter().flatten() {
            limiter.subscriptions.subtract(*index, share.subscriptions);
            limiter.watched.subtract(*index, share.watched);
            limiter.bytes.subtract(*index, share.bytes);
        }
        metrics().watched_products.dec_by(share.watched as i64);
        metrics().subscription_bytes.dec_by(share.bytes as i64);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::domain::{SessionId, UserId, UserRole};

    fn user(id: u8) -> Viewer {
        Viewer::User {
            id: UserId::from_bytes([id; 16]),
            role: UserRole::Customer,
            session: SessionId::from_bytes([0; 16]),
        }
    }

    #[test]
    fn each_measure_is_limited_for_the_user_and_for_the_address() {
        let of_user = SubscriptionShare { subscriptions: 2, watched: 10, bytes: 100_000 };
        let of_address = SubscriptionShare { subscriptions: 3, watched: 15, bytes: 100_000 };
        let limits = SubscriptionLimits { user: of_user, address: of_address, node_bytes: 10 << 20 };
        let limiter = SubscriptionLimiter::new(limits);
        let address = Some(ClientAddress::V4(Ipv4Addr::new(192, 0, 2, 1)));
        let open = |viewer, address, watched, variables| {
            limiter
                .acquire(viewer, address, SubscriptionShare::one(watched, variables))
                .map_err(|error| error.into_server_error().message)
        };
        let refused = |found: Result<SubscriptionPermit, String>, expected: &str| {
            let message = found.err().unwrap();
            assert!(message.contains(expected), "{message}");
        };
        let permits = [open(user(1), address, 5, 0).unwrap(), open(user(1), address, 5, 0).unwrap()];
        refused(open(user(1), None, 0, 0), "at most 2 subscriptions of one user");
        refused(open(user(2), address, 6, 0), "at most 15 watched products of one address");
        let other = open(user(2), address, 5, 0).unwrap();
        refused(open(Viewer::Anonymous, address, 0, 0), "at most 3 subscriptions of one address");
        refused(open(user(3), None, 11, 0), "at most 10 watched products of one user");
        refused(open(user(3), None, 0, 100_000), "at most 100000 bytes");
        assert!(open(Viewer::Anonymous, None, 1000, 1 << 20).is_ok(), "nobody to count it for");
        refused(open(Viewer::Anonymous, None, 0, 10 << 20), "subscriptions of this server take 10485760 bytes");
        drop((permits, other));
        assert_eq!(limiter.node_bytes.load(Relaxed), 0);
        let _again = [open(user(1), address, 10, 0).unwrap(), open(user(1), address, 0, 0).unwrap()];
        refused(open(user(1), address, 0, 0), "at most 2 subscriptions");
    }
}
