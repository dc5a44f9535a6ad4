use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    task::Wake,
};

use ulid::Ulid;

use super::*;
use crate::{
    domain::{EntityKind, UserId},
    service::feed::test_events::event,
};

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

/// A subscriber of the topic whose waker sets the flag.
fn join(topics: &Arc<TopicRegistry>, topic: Topic) -> (TopicWatcher, Arc<Flag>) {
    join_several(topics, [topic])
}

fn join_several(topics: &Arc<TopicRegistry>, several: impl IntoIterator<Item = Topic>) -> (TopicWatcher, Arc<Flag>) {
    let (mut watcher, flag) = (topics.subscribe(several), Arc::new(Flag::default()));
    watcher.register(&flag.clone().into());
    (watcher, flag)
}

#[test]
fn an_entry_wakes_its_topics_and_no_others() {
    let topics = Arc::new(TopicRegistry::default());
    let event = event(1);
    let [maker, stranger] = [2, 3].map(|id| UserId::from_bytes([id; 16]));
    let concerned = [
        Topic::All,
        Topic::Kind(EntityKind::Task),
        Topic::Entity(EntityKind::Task, event.entity.id()),
        Topic::User(EntityKind::Task, maker),
    ];
    let others = [
        Topic::Kind(EntityKind::Order),
        Topic::User(EntityKind::Task, stranger),
        Topic::User(EntityKind::Order, maker),
        Topic::Entity(EntityKind::Task, Ulid::nil()),
    ];
    let concerned = concerned.map(|topic| join(&topics, topic));
    let others = others.map(|topic| join(&topics, topic));
    assert!(concerned.iter().all(|(watcher, _)| watcher.matches(&event)));
    assert!(!others.iter().any(|(watcher, _)| watcher.matches(&event)));
    // Any number of times.
    for _ in 0..2 {
        topics.notify(std::slice::from_ref(&event));
        while topics.wake_batch() {}
        assert!(concerned.iter().all(|(_, woken)| woken.0.swap(false, Relaxed)));
        assert!(!others.iter().any(|(_, woken)| woken.0.load(Relaxed)));
    }
    topics.wake_all();
    assert!(concerned.iter().chain(&others).all(|(_, woken)| woken.0.load(Relaxed)));
}

/// The indices of the watchers that were woken, whose flags are reset.
fn woken(watchers: &[(TopicWatcher, Arc<Flag>)]) -> Vec<usize> {
    let woken = |(index, (_, flag)): (usize, &(TopicWatcher, Arc<Flag>))| flag.0.swap(false, Relaxed).then_some(index);
    watchers.iter().enumerate().filter_map(woken).collect()
}

#[test]
fn wake_ups_come_in_batches_that_go_round_the_topics() {
    let topics = Arc::new(TopicRegistry::default());
    let many: Vec<_> = (0..2 * WAKE_BATCH + 1).map(|_| join(&topics, Topic::All)).collect();
    let one = [join(&topics, Topic::Kind(EntityKind::Task))];
    topics.notify(&[event(1), event(2)]);
    assert!(topics.wake_batch());
    assert_eq!((woken(&many), woken(&one)), ((0..WAKE_BATCH).collect(), Vec::<usize>::new()));
    assert!(topics.wake_batch());
    assert_eq!((woken(&many), woken(&one)), ((WAKE_BATCH..2 * WAKE_BATCH - 1).collect(), vec![0]));
    // A new round also wakes those who were woken before, and nobody twice.
    topics.notify(&[event(3)]);
    let mut rest = Vec::new();
    let mut ones = 0;
    while topics.wake_batch() {
        rest.extend(woken(&many));
        ones += woken(&one).len();
    }
    rest.extend(woken(&many));
    ones += woken(&one).len();
    rest.sort_unstable();
    assert_eq!((rest, ones), ((0..2 * WAKE_BATCH + 1).collect(), 1));
    assert!(!topics.wake_batch());
    assert!(woken(&many).is_empty());
}

#[test]
fn subscribers_that_come_and_go_during_a_round_change_nothing_for_the_others() {
    let topics = Arc::new(TopicRegistry::default());
    let mut watchers: Vec<_> = (0..3 * WAKE_BATCH).map(|_| join(&topics, Topic::All)).collect();
    topics.notify(&[event(1)]);
    topics.wake_batch();
    topics.notify(&[event(2)]);
    woken(&watchers);
    watchers.push(join(&topics, Topic::All));
    drop(watchers.drain(WAKE_BATCH - 2..WAKE_BATCH + 2));
    while topics.wake_batch() {}
    assert_eq!(woken(&watchers).len(), watchers.len());
}

#[test]
fn notify_all_wakes_every_topic() {
    let topics = Arc::new(TopicRegistry::default());
    let of = |id| Topic::User(EntityKind::Order, UserId::from_bytes([id; 16]));
    let watchers = [of(1), of(2), of(2), Topic::Kind(EntityKind::Order), of(3)].map(|topic| join(&topics, topic));
    topics.notify_all();
    while topics.wake_batch() {}
    assert_eq!(woken(&watchers), [0, 1, 2, 3, 4]);
}

#[test]
fn a_subscriber_of_several_topics_is_woken_by_each() {
    let topics = Arc::new(TopicRegistry::default());
    let event = event(1);
    let (kind, id, other) = (EntityKind::Task, event.entity.id(), Ulid::nil());
    // The same one twice is the same one.
    let (both, woken) = join_several(&topics, [id, other, id].map(|id| Topic::Entity(kind, id)));
    let (neither, asleep) = join_several(&topics, [Topic::Entity(kind, other), Topic::Kind(EntityKind::Order)]);
    topics.notify(std::slice::from_ref(&event));
    while topics.wake_batch() {}
    assert!(woken.0.load(Relaxed) && !asleep.0.load(Relaxed));
    assert!(both.matches(&event) && !neither.matches(&event));
    assert_eq!(both.filter(), LogFilter { kind: Some(kind), ..LogFilter::ALL });
    assert_eq!(neither.filter(), LogFilter::ALL);
    let (one, _) = join(&topics, Topic::Entity(kind, id));
    assert_eq!(one.filter(), LogFilter { kind: Some(kind), entity: Some(id), user: None });
    drop((both, neither, one));
    assert!(topics.state().topics.is_empty());
}

#[test]
fn only_the_last_registered_waker_is_woken() {
    let topics = Arc::new(TopicRegistry::default());
    let (mut watcher, before) = join(&topics, Topic::All);
    let now = Arc::new(Flag::default());
    watcher.register(&now.clone().into());
    topics.wake_all();
    assert!(now.0.load(Relaxed) && !before.0.load(Relaxed));
}

#[test]
fn a_topic_is_removed_with_its_last_subscriber() {
    let topics = Arc::new(TopicRegistry::default());
    let watchers = [join(&topics, Topic::All), join(&topics, Topic::All)];
    for (left, watcher) in watchers.into_iter().enumerate() {
        assert_eq!(topics.state().topics.len(), 1, "{left} left");
        drop(watcher);
    }
    assert!(topics.state().topics.is_empty());
}
