//! A token bucket that several nodes share, as one of them sees it.
//!
//! A node decides small charges by itself and settles them with the shared bucket afterwards. What it has not settled is
//! at most a tenth of a second's worth of points; for more, it asks the shared bucket first. So all nodes together exceed
//! the limit by at most a tenth of a second's worth for each node, however old their views of the bucket are. The excess is
//! paid back, because what is settled is taken even if the shared bucket holds less. A limit of which a tenth of a
//! second's worth is less than one point is exact, because each charge asks.
//!
//! Decision: `docs/decisions/0014-rate-limits.md`.

use super::TokenBucket;

/// The most that a node takes without settling: what refills in a tenth of a second, as microseconds of refilling.
const MOST_UNSETTLED: u64 = 100_000;
/// How old the view of the shared bucket may be for a node to refuse by itself, in microseconds.
const FRESH: u64 = 100_000;

/// What a node can say of a charge by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalDecision {
    /// The points were taken, and have to be settled.
    Taken,
    /// The bucket holds less. Nothing was taken.
    Refused,
    /// Only the shared bucket can tell. Nothing was taken.
    Ask,
}

/// One node's view of a bucket. Times are microseconds on the clock of the node; charges are times to refill, as
/// [`TokenBucket::refill_micros_of`] has them. The default is a bucket that nobody has taken from.
#[derive(Debug, Clone, Copy, Default)]
pub struct NodeBucket {
    /// When the bucket is full, as far as this node knows.
    full_at: u64,
    /// What this node has taken that the shared bucket has not confirmed; negative if it returned more.
    unsettled: i64,
    /// The part of `unsettled` that was sent to the shared bucket.
    sent: i64,
    /// When the shared bucket last answered.
    answered_at: Option<u64>,
}

impl NodeBucket {
    /// Takes `cost` if this node may do so by itself.
    pub fn take(&mut self, bucket: TokenBucket, now: u64, cost: u64) -> LocalDecision {
        let (fits, full_at) = bucket.charge(self.full_at, now, 0, cost);
        let unsettled = self.unsettled.saturating_add_unsigned(cost);
        if fits && unsettled <= MOST_UNSETTLED.cast_signed() {
            (self.full_at, self.unsettled) = (full_at, unsettled);
            return LocalDecision::Taken;
        }
        let is_fresh = self.answered_at.is_some_and(|at| now.saturating_sub(at) <= FRESH);
        if !fits && is_fresh { LocalDecision::Refused } else { LocalDecision::Ask }
    }

    /// Takes `cost` even if the bucket holds less, or returns it if it is negative.
    pub fn spend(&mut self, bucket: TokenBucket, now: u64, cost: i64) {
        self.spend_alone(bucket, now, cost);
        self.unsettled = self.unsettled.saturating_add(cost);
    }

    /// Takes `cost` if the bucket holds as much as far as this node knows, without settling it. Returns whether it did.
    pub fn take_alone(&mut self, bucket: TokenBucket, now: u64, cost: u64) -> bool {
        let taken;
        (taken, self.full_at) = bucket.charge(self.full_at, now, 0, cost);
        taken
    }

    /// Like [`Self::spend`], without settling it.
    pub fn spend_alone(&mut self, bucket: TokenBucket, now: u64, cost: i64) {
        (_, self.full_at) = bucket.charge(self.full_at, now, cost, 0);
    }

    /// How long until the bucket is full, as far as this node knows.
    pub fn full_in(&self, now: u64) -> u64 {
        self.full_at.saturating_sub(now)
    }

    /// Whether so much is unsettled that it must be settled at once.
    pub fn must_settle(&self) -> bool {
        self.unsettled.unsigned_abs() > MOST_UNSETTLED
    }

    /// What to send to the shared bucket now: everything unsettled that is not under way.
    pub fn begin_settling(&mut self) -> i64 {
        let due = self.unsettled.saturating_sub(self.sent);
        self.sent = self.sent.saturating_add(due);
        due
    }

    /// The shared bucket has taken `sent`, and said that it is full in `full_in`. Its answers must arrive here in the order
    /// in which it gave them.
    pub fn settled(&mut self, bucket: TokenBucket, now: u64, sent: i64, full_in: u64) {
        self.forget(sent);
        (_, self.full_at) = bucket.charge(now.saturating_add(full_in), now, self.unsettled, 0);
        self.answered_at = Some(now);
    }

    /// The shared bucket did not answer. What was sent is not sent again, because it may have arrived; this node goes on
    /// with its own view.
    pub fn unanswered(&mut self, sent: i64) {
        self.forget(sent);
        self.answered_at = None;
    }

    fn forget(&mut self, sent: i64) {
        self.unsettled = self.unsettled.saturating_sub(sent);
        self.sent = self.sent.saturating_sub(sent);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;

    /// A settlement on its way to the shared bucket or back.
    struct Settlement {
        sent: i64,
        asked: u64,
        /// What the shared bucket answered, once it has the settlement.
        full_in: Option<u64>,
    }

    /// Nodes that share a bucket, and a bucket that hears of each charge at once.
    struct Model {
        bucket: TokenBucket,
        now: u64,
        shared_full_at: u64,
        ideal_full_at: u64,
        nodes: Vec<(NodeBucket, Option<Settlement>)>,
    }

    impl Model {
        fn new(bucket: TokenBucket, nodes: usize) -> Self {
            let nodes = (0..nodes).map(|_| (NodeBucket::default(), None)).collect();
            Self { bucket, now: 1, shared_full_at: 0, ideal_full_at: 0, nodes }
        }

        /// How far the charges of all nodes are above the limit, in microseconds of refilling.
        fn excess(&self) -> u64 {
            self.ideal_full_at.saturating_sub(self.now + self.bucket.refill_micros())
        }

        fn accepted(&mut self, cost: u64) {
            self.ideal_full_at = self.ideal_full_at.max(self.now) + cost;
        }

        fn take(&mut self, at: usize, cost: u64) -> LocalDecision {
            let decision = self.nodes[at].0.take(self.bucket, self.now, cost);
            match decision {
                LocalDecision::Taken => self.accepted(cost),
                LocalDecision::Ask => self.send(at, cost),
                LocalDecision::Refused => {}
            }
            decision
        }

        /// Sends a settlement, unless one is under way.
        fn send(&mut self, at: usize, asked: u64) {
            let (node, under_way) = &mut self.nodes[at];
            if under_way.is_none() {
                *under_way = Some(Settlement { sent: node.begin_settling(), asked, full_in: None });
            }
        }

        /// Settles everything that is unsettled.
        fn settle_all(&mut self) {
            for at in 0..self.nodes.len() {
                // What is under way, then the rest.
                for _ in 0..2 {
                    self.send(at, 0);
                    self.step(at);
                    self.step(at);
                }
            }
        }

        /// Brings the settlement of a node one step further. Returns whether what it asked for was taken in this step.
        fn step(&mut self, at: usize) -> bool {
            match self.nodes[at].1.take() {
                None => false,
                Some(Settlement { sent, asked, full_in: None }) => {
                    let (taken, full_at) = self.bucket.charge(self.shared_full_at, self.now, sent, asked);
                    self.shared_full_at = full_at;
                    self.nodes[at].1 = Some(Settlement { sent, asked, full_in: Some(full_at - self.now) });
                    if taken {
                        self.accepted(asked);
                    }
                    taken
                }
                Some(Settlement { sent, full_in: Some(full_in), .. }) => {
                    self.nodes[at].0.settled(self.bucket, self.now, sent, full_in);
                    false
                }
            }
        }
    }

    #[test]
    fn nodes_exceed_a_limit_by_a_tenth_of_a_second_each_at_most_however_late_they_settle() {
        let mut most = 0;
        for seed in 0..300 {
            let mut random = StdRng::seed_from_u64(seed);
            let refill = Duration::from_millis(random.random_range(50..5000));
            let bucket = TokenBucket::new(random.random_range(1..5000), refill);
            let nodes = random.random_range(1..=6);
            let mut model = Model::new(bucket, nodes);
            let pause = random.random_range(1..20_000);
            let largest = random.random_range(1..=u64::from(bucket.capacity()).min(200));
            for _ in 0..4000 {
                model.now += random.random_range(0..pause);
                let at = random.random_range(0..nodes);
                match random.random_range(0..4) {
                    0 | 1 => _ = model.take(at, bucket.refill_micros_of(random.random_range(1..=largest))),
                    2 => model.send(at, 0),
                    _ => _ = model.step(at),
                }
                let excess = model.excess();
                assert!(excess <= nodes as u64 * MOST_UNSETTLED, "seed {seed}: {nodes} nodes exceed it by {excess} µs");
                most = most.max(excess);
            }
        }
        assert!(most > MOST_UNSETTLED, "the nodes should take more than a node may: {most} µs");
    }

    #[test]
    fn one_node_that_settles_at_once_takes_exactly_what_the_limit_allows() {
        let mut random = StdRng::seed_from_u64(1);
        let bucket = TokenBucket::new(1000, Duration::from_secs(1));
        let mut model = Model::new(bucket, 1);
        let (mut taken, mut refused) = (0, 0);
        for _ in 0..20_000 {
            model.now += random.random_range(0..20_000);
            let cost = bucket.refill_micros_of(random.random_range(1..300));
            let (expected, _) = bucket.charge(model.ideal_full_at, model.now, 0, cost);
            let decision = model.take(0, cost);
            if decision != LocalDecision::Ask {
                model.send(0, 0);
            }
            let was_taken = model.step(0) && decision == LocalDecision::Ask || decision == LocalDecision::Taken;
            model.step(0);
            assert_eq!(was_taken, expected, "{decision:?}");
            *(if was_taken { &mut taken } else { &mut refused }) += 1;
        }
        assert!(taken > 1000 && refused > 1000, "{taken} and {refused}");
    }

    #[test]
    fn what_nodes_spend_and_return_is_settled_once_and_none_of_it_is_lost() {
        for seed in 0..300 {
            let mut random = StdRng::seed_from_u64(seed);
            let bucket = TokenBucket::new(1000, Duration::from_secs(3600));
            let nodes = random.random_range(1..=6);
            let mut model = Model::new(bucket, nodes);
            let begun = model.now;
            // So much that the bucket is not full before the end.
            let mut owed = 60_000_000;
            model.nodes[0].0.spend(bucket, begun, owed);
            model.settle_all();
            for _ in 0..500 {
                model.now += random.random_range(0..20_000);
                let at = random.random_range(0..nodes);
                match random.random_range(0..3) {
                    0 => {
                        let cost = random.random_range(-100_000..200_000);
                        model.nodes[at].0.spend(bucket, model.now, cost);
                        owed += cost;
                    }
                    1 => model.send(at, 0),
                    _ => _ = model.step(at),
                }
            }
            model.settle_all();
            assert_eq!(model.shared_full_at, begun.saturating_add_signed(owed), "seed {seed}");
            model.settle_all();
            for (node, _) in &model.nodes {
                assert_eq!(node.full_in(model.now), model.shared_full_at - model.now, "seed {seed}");
            }
        }
    }

    #[test]
    fn a_node_owes_no_more_than_a_whole_capacity_however_its_settlements_arrive() {
        let bucket = TokenBucket::new(10, Duration::from_secs(10));
        let mut node = NodeBucket::default();
        node.spend(bucket, 0, 9_000_000);
        let sent = node.begin_settling();
        node.spend(bucket, 0, 9_000_000);
        node.spend(bucket, 0, 9_000_000);
        assert_eq!(node.full_in(0), 20_000_000);
        node.settled(bucket, 0, sent, 9_000_000);
        assert_eq!(node.full_in(0), 20_000_000);
        let sent = node.begin_settling();
        node.settled(bucket, 1, sent, 20_000_000);
        assert_eq!(node.full_in(1), 20_000_000);
    }

    #[test]
    fn charges_above_a_tenth_of_a_second_ask_the_shared_bucket() {
        let bucket = TokenBucket::new(10, Duration::from_secs(600));
        let mut node = NodeBucket::default();
        assert_eq!(
            node.take(bucket, 0, bucket.refill_micros_of(1)),
            LocalDecision::Ask,
            "one point is a minute's worth"
        );
        let bucket = TokenBucket::new(1000, Duration::from_secs(1));
        assert_eq!(node.take(bucket, 0, bucket.refill_micros_of(100)), LocalDecision::Taken);
        assert_eq!(node.take(bucket, 0, bucket.refill_micros_of(1)), LocalDecision::Ask);
        assert_eq!((node.begin_settling(), node.begin_settling()), (100_000, 0));
        assert_eq!(node.take(bucket, 10, bucket.refill_micros_of(1)), LocalDecision::Ask, "until it is confirmed");
        node.settled(bucket, 20, 100_000, 999_500);
        assert_eq!(
            node.take(bucket, 20, bucket.refill_micros_of(1)),
            LocalDecision::Refused,
            "other nodes took the rest"
        );
        assert_eq!(node.take(bucket, 200_000, bucket.refill_micros_of(500)), LocalDecision::Ask, "the view is old");
        assert_eq!(node.take(bucket, 600_000, bucket.refill_micros_of(100)), LocalDecision::Taken);
    }

    #[test]
    fn a_node_without_answers_goes_on_with_its_view() {
        let bucket = TokenBucket::new(1000, Duration::from_secs(1));
        let mut node = NodeBucket::default();
        node.spend(bucket, 0, 600_000);
        assert!(node.must_settle());
        let sent = node.begin_settling();
        node.unanswered(sent);
        assert!(!node.must_settle() && node.begin_settling() == 0);
        assert_eq!(node.full_in(0), 600_000);
        assert!(node.take_alone(bucket, 0, 400_000) && !node.take_alone(bucket, 0, 1));
        node.spend_alone(bucket, 0, -500_000);
        assert_eq!(node.full_in(0), 500_000);
    }
}
