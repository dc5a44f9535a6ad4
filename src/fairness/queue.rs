//! A queue in which callers take turns.

use std::collections::{HashMap, VecDeque};

use super::Caller;

/// Items of one caller that may wait; further ones are refused.
const MAX_PER_CALLER: usize = 4096;

/// The caller has too many items in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many of this caller's requests wait already; send fewer at a time")]
pub struct QueueFull;

/// Items that wait, in the order of arrival for each caller. The callers take turns: before an item come those of its own
/// caller, and for each of them at most one of each other caller.
#[derive(Debug)]
pub struct FairQueue<T> {
    /// The items of each caller who has some.
    waiting: HashMap<Caller, VecDeque<T>>,
    /// These callers, each once; the next one first.
    turns: VecDeque<Caller>,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), turns: VecDeque::new() }
    }
}

impl<T> FairQueue<T> {
    /// Adds an item.
    /// Errors: [`QueueFull`] if 4,096 items of this caller wait.
    pub fn push(&mut self, caller: Caller, item: T) -> Result<(), QueueFull> {
        let own = self.waiting.entry(caller).or_default();
        if own.len() >= MAX_PER_CALLER {
            return Err(QueueFull);
        }
        if own.is_empty() {
            self.turns.push_back(caller);
        }
        own.push_back(item);
        Ok(())
    }

    /// Takes the next item: the oldest of the caller whose turn it is.
    pub fn pop(&mut self) -> Option<T> {
        self.pop_of(|_| true)
    }

    /// Takes the oldest item of the next caller that `may` have a turn now. The others keep their turns.
    pub fn pop_of(&mut self, may: impl Fn(&Caller) -> bool) -> Option<T> {
        let caller = self.turns.remove(self.turns.iter().position(may)?)?;
        let own = self.waiting.get_mut(&caller)?;
        let item = own.pop_front();
        if own.is_empty() {
            self.waiting.remove(&caller);
        } else {
            self.turns.push_back(caller);
        }
        item
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Timestamp, UserId};

    fn caller(name: &str) -> Caller {
        Caller::User(UserId::derived(Timestamp::from_unix_millis(1), "test", name))
    }

    #[test]
    fn callers_take_turns_and_each_keeps_its_order() {
        let mut queue = FairQueue::default();
        for number in 0..3 {
            queue.push(caller("a"), format!("a{number}")).unwrap();
        }
        queue.push(caller("b"), "b0".to_owned()).unwrap();
        assert_eq!(queue.pop().unwrap(), "a0");
        queue.push(caller("c"), "c0".to_owned()).unwrap();
        queue.push(caller("b"), "b1".to_owned()).unwrap();
        let rest: Vec<String> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(rest, ["b0", "a1", "c0", "b1", "a2"]);
        assert!(queue.is_empty());
        assert!(queue.waiting.is_empty(), "callers with nothing in the queue take no memory");
    }

    #[test]
    fn a_caller_that_may_have_no_turn_now_keeps_it() {
        let mut queue = FairQueue::default();
        for name in ["a", "a", "b", "c"] {
            queue.push(caller(name), name).unwrap();
        }
        assert_eq!(queue.pop_of(|next| *next != caller("a")), Some("b"));
        assert_eq!(queue.pop_of(|_| false), None);
        assert_eq!([queue.pop(), queue.pop(), queue.pop(), queue.pop()], [Some("a"), Some("c"), Some("a"), None]);
    }

    #[test]
    fn a_full_caller_is_refused_and_others_are_not() {
        let mut queue = FairQueue::default();
        for number in 0..MAX_PER_CALLER {
            queue.push(caller("a"), number).unwrap();
        }
        assert_eq!(queue.push(caller("a"), 0), Err(QueueFull));
        queue.push(caller("b"), 7).unwrap();
        assert_eq!([queue.pop(), queue.pop()], [Some(0), Some(7)]);
        queue.push(caller("a"), 1).unwrap();
    }
}
