//! Wakes the subscribers of the topics that an entry belongs to, and no others.
//!
//! Subscribers are woken in small batches that go round the topics. Thousands of subscribers of one topic therefore do not
//! delay the few of another, nor the rest of the node, and each batch is served while its data is in the CPU caches.
//!
//! Decision: `docs/decisions/0016-wake-up-batches.md`.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    task::Waker,
};

use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

use super::topic::Topic;
use crate::domain::{Event, LogFilter};

/// Subscribers woken in one batch: fewer than the local run queue of a runtime thread holds.
const WAKE_BATCH: usize = 128;

/// All topics that have subscribers.
#[derive(Default)]
pub(super) struct TopicRegistry(Mutex<RegistryState>);

#[derive(Default)]
struct RegistryState {
    /// How many subscribers were ever added; the last one has this id.
    joined: u64,
    topics: HashMap<Topic, TopicWakers>,
    /// Topics whose wake-up round is not over.
    due: VecDeque<Topic>,
}

/// The wakers of one topic.
#[derive(Default)]
struct TopicWakers {
    /// By subscriber id, which is the order of subscribing.
    wakers: BTreeMap<u64, Waker>,
    /// The id that the round goes on with.
    next: u64,
    /// Set until every waker was woken since the last entry.
    round: Option<WakeRound>,
}

/// One pass over all wakers, back to where it started.
struct WakeRound {
    start: u64,
    /// Whether the pass has reached the end and continued with the first waker.
    wrapped: bool,
}

impl TopicWakers {
    /// Starts a wake-up round; returns false if one is already running, which then covers every waker once more.
    fn start_round(&mut self) -> bool {
        self.round.replace(WakeRound { start: self.next, wrapped: false }).is_none()
    }

    /// Wakes up to `at_most` wakers of the round, and returns how many of `at_most` are left.
    fn wake(&mut self, at_most: usize) -> usize {
        let mut left = at_most;
        while left > 0
            && let Some(round) = &mut self.round
        {
            let end = if round.wrapped { round.start } else { u64::MAX };
            for (number, waker) in self.wakers.range(self.next..end).take(left) {
                waker.wake_by_ref();
                self.next = number + 1;
                left -= 1;
            }
            if left > 0 && round.wrapped {
                self.round = None;
            } else if left > 0 {
                round.wrapped = true;
                self.next = 0;
            }
        }
        left
    }
}

/// A subscriber's entry in the registry. Its waker stays registered until it is dropped, so that an entry costs it no more
/// than the wake-up.
pub(super) struct TopicWatcher {
    registry: Arc<TopicRegistry>,
    /// Usually one.
    topics: SmallVec<[Topic; 1]>,
    number: u64,
    waker: Option<Waker>,
}

impl TopicWatcher {
    /// A filter that passes at least every entry of these topics. Without topics it passes every entry, which is correct
    /// too: [`Self::matches`] then picks none.
    pub fn filter(&self) -> LogFilter {
        self.topics.iter().map(|topic| LogFilter::from(*topic)).reduce(LogFilter::or).unwrap_or(LogFilter::ALL)
    }

    /// Whether the entry belongs to one of the topics.
    pub fn matches(&self, event: &Event) -> bool {
        Topic::for_event(event).any(|topic| self.topics.contains(&topic))
    }

    /// Registers the waker for all entries from now on. Look for existing entries only afterwards, or one may be missed.
    pub fn register(&mut self, waker: &Waker) {
        if self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return;
        }
        self.waker = Some(waker.clone());
        let mut waiting = self.registry.state();
        let mut before = Vec::new();
        for topic in &self.topics {
            let watchers = waiting.topics.entry(*topic).or_default();
            before.extend(watchers.wakers.insert(self.number, waker.clone()));
        }
        // Dropping a waker may drop another watcher of this registry, which needs the lock.
        drop(waiting);
        drop(before);
    }
}

impl Drop for TopicWatcher {
    fn drop(&mut self) {
        let mut waiting = self.registry.state();
        let mut before = Vec::new();
        for topic in &self.topics {
            let Some(watchers) = waiting.topics.get_mut(topic) else { continue };
            before.extend(watchers.wakers.remove(&self.number));
            if watchers.wakers.is_empty() {
                waiting.topics.remove(topic);
            }
        }
        drop(waiting);
        drop(before);
    }
}

impl TopicRegistry {
    /// Adds a subscriber. It is not woken until it registers a waker.
    pub fn subscribe(self: &Arc<Self>, topics: impl IntoIterator<Item = Topic>) -> TopicWatcher {
        let topics = topics.into_iter().collect();
        let mut waiting = self.state();
        waiting.joined += 1;
        TopicWatcher { registry: self.clone(), topics, number: waiting.joined, waker: None }
    }

    /// Starts a wake-up round for the topics of these entries; [`Self::wake_batch`] does the waking.
    pub fn notify(&self, events: &[Arc<Event>]) {
        let mut waiting = self.state();
        for topic in events.iter().flat_map(|event| Topic::for_event(event)) {
            if waiting.topics.get_mut(&topic).is_some_and(TopicWakers::start_round) {
                waiting.due.push_back(topic);
            }
        }
    }

    /// Starts a wake-up round for all topics; [`Self::wake_batch`] does the waking.
    pub fn notify_all(&self) {
        let mut waiting = self.state();
        let RegistryState { topics, due, .. } = &mut *waiting;
        due.extend(topics.iter_mut().filter_map(|(topic, watchers)| watchers.start_round().then_some(*topic)));
    }

    /// Wakes the next batch; returns whether there are more.
    pub fn wake_batch(&self) -> bool {
        let mut waiting = self.state();
        let mut left = WAKE_BATCH;
        while left > 0
            && let Some(topic) = waiting.due.pop_front()
        {
            let Some(watchers) = waiting.topics.get_mut(&topic) else { continue };
            left = watchers.wake(left);
            if watchers.round.is_some() {
                waiting.due.push_back(topic);
            }
        }
        !waiting.due.is_empty()
    }

    /// Wakes every subscriber at once.
    pub fn wake_all(&self) {
        self.state().topics.values().flat_map(|topic| topic.wakers.values()).for_each(Waker::wake_by_ref);
    }

    fn state(&self) -> MutexGuard<'_, RegistryState> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests;
