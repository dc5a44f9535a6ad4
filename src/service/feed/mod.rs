//! The event feed: one for each node. It reads every event once and serves every subscriber of the node, each event
//! exactly once and in log order.
//!
//! # How it knows that nothing is missing
//! An entry's `seq` is given in commit order and without gaps (see `domain::event`), so a position in the log says
//! everything about what its holder has seen. The feed holds one such position, its *head*. A bus message with
//! `head + 1` advances it; a lower one was seen already and is dropped; a higher one waits, because nodes publish at
//! the same time and their messages overtake one another. If the missing one has not come within some milliseconds,
//! or the bus says that it may have lost something, the feed reads the log from its head on. It also does so at an
//! interval, whatever the bus says: that finds the last message when it was lost, and it is how nodes without a
//! common bus hear of one another.
//!
//! # How subscribers are served
//! The newest events, up to the head, are kept in memory. A subscriber is nothing but a position: what it needs next
//! is either not there yet (it waits for the head to move), or in memory, or older than that; then it reads the log,
//! page by page, at its own pace. There is no switch from replaying to live, and so nothing to be lost or doubled at
//! it. A slow reader never makes another wait and holds no more than a page. One that falls behind without end is
//! told so ([`FeedError::TooSlow`]) and may come back with its cursor.
//!
//! An entry wakes only the subscribers of its [`Topic`]s. Now and then all are woken, so that no idle position leaves
//! the part of the log that is in memory.
//!
//! # When the log does not go on
//! A database that is restored from a backup has lost entries that readers have seen. Operators then give the log a new
//! id. Each time the feed polls, it compares the id, and its head, with the log. If the id has changed or the log ends
//! before the head, it starts anew at the end of the log and ends all subscriptions with [`FeedError::CursorExpired`].
//!
//! # When a position is too old
//! A position that the log no longer reaches back to gives [`FeedError::CursorExpired`]. Entries are deleted oldest
//! first, so this is asked *after* a page was read: if the position is still within the log then, the page was whole.

mod changes;
mod error;
mod event_feed;
mod options;
mod page_budget;
mod pump;
mod recent;
mod reorder_buffer;
mod shared;
mod subscription;
#[cfg(test)]
mod test_events;
mod topic;
mod topic_registry;

pub use changes::FeedPosition;
pub use error::{FeedError, StartAt};
pub use event_feed::EventFeed;
pub use options::FeedOptions;
pub use subscription::Subscription;
pub use topic::Topic;
