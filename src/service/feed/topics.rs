//! Who is woken by which entry, so that an entry costs nothing where it is of no interest.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use ulid::Ulid;

use crate::domain::{Entity, EntityKind, Event, LogFilter, UserId};

/// What a subscriber waits for: no less than what it will pick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Every entry.
    #[default]
    All,
    /// Entries about this kind of entity.
    Kind(EntityKind),
    /// Entries about one entity.
    Entity(Ulid),
    /// Entries about entities of a kind that are a user's: their orders, the tasks they made or are assigned to.
    Of(EntityKind, UserId),
}

impl From<LogFilter> for Topic {
    fn from(filter: LogFilter) -> Self {
        match filter {
            LogFilter { entity: Some(id), .. } => Self::Entity(id),
            LogFilter { kind: Some(kind), .. } => Self::Kind(kind),
            LogFilter { .. } => Self::All,
        }
    }
}

impl Topic {
    /// The topics that an entry belongs to.
    fn of(event: &Event) -> impl Iterator<Item = Self> {
        let kind = event.entity.kind();
        let users = match &event.entity {
            Entity::Order(order) => [Some(order.customer), None],
            Entity::Task(task) => [Some(task.created_by), task.assignee.filter(|user| *user != task.created_by)],
            Entity::Product(_) => [None, None],
        };
        let users = users.into_iter().flatten().map(move |user| Self::Of(kind, user));
        [Self::All, Self::Kind(kind), Self::Entity(event.entity.id())].into_iter().chain(users)
    }
}

/// The topics that someone waits for.
#[derive(Default)]
pub(super) struct Topics(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// How many have ever joined.
    joined: u64,
    /// By number, so in the order they joined.
    topics: BTreeMap<Topic, BTreeMap<u64, Waker>>,
    /// How many of them watch.
    watching: usize,
    /// Where the next one to be called up is.
    turn: (Topic, u64),
    /// What is left of the last call: a fraction of one, over the entries within which everyone is called.
    left: usize,
}

/// A subscriber's place among those of its topic. Its waker stays there until it leaves: an entry costs it no more than
/// being woken.
pub(super) struct Place {
    topics: Arc<Topics>,
    topic: Topic,
    number: u64,
    waker: Option<Waker>,
}

impl Place {
    /// Has it woken by whatever comes from now on. Look for what is there only afterwards.
    pub fn watch(&mut self, waker: &Waker) {
        if self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return;
        }
        self.waker = Some(waker.clone());
        let mut waiting = self.topics.waiting();
        let before = waiting.topics.entry(self.topic).or_default().insert(self.number, waker.clone());
        waiting.watching += usize::from(before.is_none());
        // What a waker holds on to may itself have a place here.
        drop(waiting);
        drop(before);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.topics.waiting();
        let Some(topic) = waiting.topics.get_mut(&self.topic) else { return };
        let before = topic.remove(&self.number);
        if topic.is_empty() {
            waiting.topics.remove(&self.topic);
        }
        waiting.watching -= usize::from(before.is_some());
        drop(waiting);
        drop(before);
    }
}

impl Topics {
    /// Makes a place for a subscriber, which is not woken before it watches.
    pub fn join(self: &Arc<Self>, topic: Topic) -> Place {
        let mut waiting = self.waiting();
        waiting.joined += 1;
        Place { topics: self.clone(), topic, number: waiting.joined, waker: None }
    }

    /// Wakes all who wait for one of the entries, and some others, so that everyone is woken about once in `within`
    /// entries.
    pub fn wake(&self, events: &[Arc<Event>], within: usize) {
        let mut waiting = self.waiting();
        // Each once, whatever the number of entries: they find all of them.
        let due: BTreeSet<Topic> = events.iter().flat_map(|event| Topic::of(event)).collect();
        due.iter()
            .filter_map(|topic| waiting.topics.get(topic))
            .flat_map(BTreeMap::values)
            .for_each(Waker::wake_by_ref);
        waiting.call_up(events.len(), within);
    }

    /// Wakes all.
    pub fn wake_all(&self) {
        self.waiting().topics.values().flat_map(BTreeMap::values).for_each(Waker::wake_by_ref);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Wakes the next ones in a circle, whatever they wait for.
    fn call_up(&mut self, entries: usize, within: usize) {
        let due = self.watching * entries + self.left;
        self.left = due % within;
        let from = |(topic, number)| {
            self.topics.range(topic..).flat_map(move |(at, places)| {
                let first = if *at == topic { number } else { 0 };
                places.range(first..).map(|(number, waker)| ((*at, number + 1), waker))
            })
        };
        let circle = from(self.turn).chain(from((Topic::All, 0)));
        for (next, waker) in circle.take((due / within).min(self.watching)) {
            waker.wake_by_ref();
            self.turn = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering::Relaxed},
        task::Wake,
    };

    use super::*;
    use crate::service::feed::testing::event;

    #[derive(Default)]
    struct Flag(AtomicBool);

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }

    /// A place on the topic that sets the flag.
    fn join(topics: &Arc<Topics>, topic: Topic) -> (Place, Arc<Flag>) {
        let (mut place, flag) = (topics.join(topic), Arc::new(Flag::default()));
        place.watch(&flag.clone().into());
        (place, flag)
    }

    #[test]
    fn an_entry_wakes_its_topics_and_no_others() {
        let topics = Arc::new(Topics::default());
        let event = event(1);
        let [maker, stranger] = [2, 3].map(|id| UserId::from_bytes([id; 16]));
        let concerned = [
            Topic::All,
            Topic::Kind(EntityKind::Task),
            Topic::Entity(event.entity.id()),
            Topic::Of(EntityKind::Task, maker),
        ];
        let others = [
            Topic::Kind(EntityKind::Order),
            Topic::Of(EntityKind::Task, stranger),
            Topic::Of(EntityKind::Order, maker),
            Topic::Entity(Ulid::nil()),
        ];
        let concerned = concerned.map(|topic| join(&topics, topic));
        let others = others.map(|topic| join(&topics, topic));
        // Any number of times.
        for _ in 0..2 {
            topics.wake(std::slice::from_ref(&event), usize::MAX);
            assert!(concerned.iter().all(|(_, woken)| woken.0.swap(false, Relaxed)));
            assert!(!others.iter().any(|(_, woken)| woken.0.load(Relaxed)));
        }
        topics.wake_all();
        assert!(concerned.iter().chain(&others).all(|(_, woken)| woken.0.load(Relaxed)));
    }

    #[test]
    fn everyone_has_their_turn_whatever_they_wait_for() {
        let topics = Arc::new(Topics::default());
        let of = |id| Topic::Of(EntityKind::Order, UserId::from_bytes([id; 16]));
        let waited_for = [of(1), of(2), of(2), Topic::Kind(EntityKind::Order), of(3), of(3), of(3)];
        let places = waited_for.map(|topic| join(&topics, topic));
        let mut calls = [0; 7];
        for entry in 1..=9 {
            topics.wake(&[event(entry)], 3);
            for (calls, (_, woken)) in calls.iter_mut().zip(&places) {
                *calls += u32::from(woken.0.swap(false, Relaxed));
            }
        }
        assert_eq!(calls, [3; 7]);
    }

    #[test]
    fn the_last_waker_counts() {
        let topics = Arc::new(Topics::default());
        let (mut place, before) = join(&topics, Topic::All);
        let now = Arc::new(Flag::default());
        place.watch(&now.clone().into());
        topics.wake_all();
        assert!(now.0.load(Relaxed) && !before.0.load(Relaxed));
    }

    #[test]
    fn a_topic_is_kept_for_as_long_as_someone_waits() {
        let topics = Arc::new(Topics::default());
        let places = [join(&topics, Topic::All), join(&topics, Topic::All)];
        for (left, place) in places.into_iter().enumerate() {
            assert_eq!(topics.waiting().topics.len(), 1, "{left} left");
            drop(place);
        }
        assert!(topics.waiting().topics.is_empty());
    }
}
