//! A cache of what a node has read, in front of either engine. The event feed keeps it right.
//!
//! It holds products, orders, tasks and users by id, counts, and pages of lists as the positions of their rows. The feed applies
//! each entry of the log to it, in order, before anybody else sees the entry. So what the cache holds is the state at the
//! feed's position: an entry replaces the entity that it is about, and ends the pages that it could change ([`change`]).
//!
//! - **A stale value is never stored.** A read notes how many entries were applied when it began. Its result is stored only
//!   if no entry about it was applied since. Entries that were applied before the read began were committed before, so the
//!   read saw them.
//! - **Nothing goes back in time.** A read that the database answers may show something beyond what the feed has applied and
//!   this node has written; most don't ([`view`]). After one that does, what the cache answers to the same user waits until
//!   the feed has everything that was committed before its end. Callers that are not signed in can't be told apart, so the
//!   read itself waits.
//! - **A node reads its own writes.** A write leaves the entities that it changed in memory, and ends the pages of lists that
//!   it changed ([`own_write`]).
//! - **Fresh or not at all.** The cache answers only if the feed has, within the last second, read the log to its end.
//!   Otherwise, and when the feed can't read the log, the database answers.
//!
//! Rights are not known here: a query names whose rows it selects, and the service filters what it reads by id. Sessions,
//! credentials and sales are always read from the database.
//!
//! Each method of the storage traits is written out here, because each must say what it reads or changes.
//!
//! Decisions: `docs/decisions/0026-near-cache.md`, `docs/decisions/0031-own-writes-in-the-near-cache.md`,
//! `docs/decisions/0038-shared-cache.md`.

mod apply;
mod cache;
mod cached;
mod change;
mod flights;
mod key;
mod later;
mod new_orders;
mod orders;
mod others;
mod own_write;
mod products;
mod read;
mod recent_changes;
mod shared;
mod sources;
mod state;
mod tasks;
mod users;
mod view;

pub use cache::NearCache;
