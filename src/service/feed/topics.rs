//! Who is woken by which entry, so that an entry costs nothing where it is of no interest.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use ulid::Ulid;

use crate::domain::{Entity, EntityKind, Event, LogFilter, UserId};

/// What a subscriber waits for: no less than what it will pick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Every entry.
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
pub(super) struct Topics(Mutex<HashMap<Topic, watch::Sender<()>>>);

impl Topics {
    pub fn join(&self, topic: Topic) -> watch::Receiver<()> {
        self.topics().entry(topic).or_default().subscribe()
    }

    /// To be called by each that joined, while its receiver is still there.
    pub fn leave(&self, topic: Topic) {
        let mut topics = self.topics();
        if topics.get(&topic).is_some_and(|sender| sender.receiver_count() <= 1) {
            topics.remove(&topic);
        }
    }

    /// Wakes all who wait for one of the entries.
    pub fn wake(&self, events: &[Arc<Event>]) {
        let topics = self.topics();
        // Each once, whatever the number of entries: they find all of them.
        let due: HashSet<Topic> = events.iter().flat_map(|event| Topic::of(event)).collect();
        due.iter().filter_map(|topic| topics.get(topic)).for_each(|sender| {
            sender.send_replace(());
        });
    }

    /// Wakes all.
    pub fn wake_all(&self) {
        // Two that left together may each have counted the other.
        self.topics().retain(|_, sender| sender.send(()).is_ok());
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<Topic, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::feed::testing::event;

    #[test]
    fn an_entry_wakes_its_topics_and_no_others() {
        let topics = Topics::default();
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
        let mut woken = concerned.map(|topic| topics.join(topic));
        let mut asleep = others.map(|topic| topics.join(topic));
        woken.iter_mut().chain(&mut asleep).for_each(|receiver| receiver.mark_unchanged());
        topics.wake(&[event]);
        assert!(woken.iter().all(|receiver| receiver.has_changed().unwrap()));
        assert!(asleep.iter().all(|receiver| !receiver.has_changed().unwrap()));
        topics.wake_all();
        assert!(asleep.iter().all(|receiver| receiver.has_changed().unwrap()));
    }

    #[test]
    fn a_topic_is_kept_for_as_long_as_someone_waits() {
        let topics = Topics::default();
        let receivers = [topics.join(Topic::All), topics.join(Topic::All)];
        for (left, receiver) in receivers.into_iter().enumerate() {
            assert_eq!(topics.topics().len(), 1, "{left} left");
            topics.leave(Topic::All);
            drop(receiver);
        }
        assert!(topics.topics().is_empty());
    }
}
