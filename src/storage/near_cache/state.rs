//! How far the cache is, and whether it may answer.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::{
    change::Change,
    recent_changes::{CHANGES, RecentChanges, Step},
};
use crate::{
    domain::{LogId, MAX_READ_AGE, Seq},
    fairness::Caller,
};

/// How many writes of this node are held back one by one, and users remembered who were shown something new; with more,
/// the engine answers everything.
const MAX_HELD: usize = 16_384;

/// What decides whether the cache may answer. `parking_lot`'s lock around it also makes an applied entry one step.
pub(super) struct State {
    /// The log that the entries are of.
    log: LogId,
    /// The number of the last entry that was applied.
    through: Seq,
    /// The changes of entries after this one are remembered, as many as fit.
    remembers_after: Seq,
    /// What was changed last.
    pub(super) changes: RecentChanges,
    /// The entities that this node has changed, and when. The feed may not have that yet.
    held: HashMap<Change, Held>,
    /// The users and API keys that were shown something that the feed may not have, and when.
    shown: HashMap<Caller, Instant>,
    /// The changes up to this one were read in the log, or are older than what was.
    read_through: Step,
    /// Everything that was committed before this time is applied.
    confirmed: Option<Instant>,
    /// When the last read ended that may have seen something newer than the feed has.
    unconfirmed_read: Option<Instant>,
}

/// An entity that this node has changed.
#[derive(Clone, Copy)]
struct Held {
    /// When the last write of it ended.
    at: Instant,
    own: OwnVersion,
}

/// How a write of this node left an entity.
#[derive(Clone, Copy)]
pub(super) struct OwnVersion {
    /// The version that it made.
    pub(super) version: i32,
    /// Whether memory may show this version and newer ones. Otherwise the database answers.
    pub(super) is_shown: bool,
    /// What was read after this change has it.
    pub(super) noted_at: Step,
}

impl OwnVersion {
    /// Nothing is known of what the write left.
    pub(super) const UNKNOWN: Self = Self { version: 0, is_shown: false, noted_at: 0 };
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            log: LogId::new(0),
            through: 0,
            remembers_after: 0,
            changes: RecentChanges::default(),
            held: HashMap::new(),
            shown: HashMap::new(),
            read_through: 0,
            confirmed: None,
            unconfirmed_read: None,
        }
    }

    /// How old what the cache holds may be; `None` if it may not answer.
    pub(super) fn age(&self) -> Option<Duration> {
        let confirmed = self.confirmed?;
        let age = confirmed.elapsed();
        let is_newest = self.unconfirmed_read.is_none_or(|read| confirmed >= read);
        (is_newest && age <= MAX_READ_AGE).then_some(age)
    }

    /// The oldest version of an entity that memory may show; `None` if the database has to answer.
    pub(super) fn oldest_shown(&self, entity: Change) -> Option<i32> {
        if self.held.is_empty() {
            return Some(0);
        }
        self.held.get(&entity).map_or(Some(0), |Held { own, .. }| own.is_shown.then_some(own.version))
    }

    /// Notes how this node has left an entity, until the feed has that.
    pub(super) fn hold(&mut self, entity: Change, own: OwnVersion) {
        let now = Instant::now();
        let add = |held: &mut Held| {
            held.at = now;
            held.own.version = held.own.version.max(own.version);
            held.own.is_shown &= own.is_shown;
            held.own.noted_at = held.own.noted_at.max(own.noted_at);
        };
        self.held.entry(entity).and_modify(add).or_insert(Held { at: now, own });
        if self.held.len() > MAX_HELD {
            self.held = HashMap::new();
            self.unconfirmed_read = Some(now);
        }
    }

    /// Whether a version of an entity is not newer than what was applied and what this node has written.
    pub(super) fn includes(&self, entity: Change, version: i32) -> bool {
        self.changes.version(entity).is_some_and(|applied| version <= applied)
            || self.held.get(&entity).is_some_and(|held| version <= held.own.version)
    }

    /// Notes what an entry changed that made this version of an entity, the first of `changes`. What was read since a write of
    /// this node that made the same or a newer version has it. Returns when it counts as changed.
    pub(super) fn note(&mut self, changes: &[Change], version: i32) -> Step {
        let held = changes.first().and_then(|entity| self.held.get(entity));
        match held.map(|held| held.own).filter(|own| version <= own.version) {
            Some(own) => {
                self.changes.note_at(own.noted_at, changes.iter().copied(), version);
                own.noted_at
            }
            None => {
                self.changes.note(changes.iter().copied(), version);
                self.changes.now()
            }
        }
    }

    /// Whether some of these things changed after the last read of the log: the feed was told so by another node.
    pub(super) fn has_only_heard_of(&self, changes: &[Change]) -> bool {
        changes.iter().any(|change| self.changes.changed_since(*change, self.read_through))
    }

    /// Notes that a user or API key is shown something that the feed may not have.
    pub(super) fn note_shown(&mut self, caller: Caller, at: Instant) {
        let shown = self.shown.entry(caller).or_insert(at);
        *shown = at.max(*shown);
        if self.shown.len() > MAX_HELD {
            self.shown = HashMap::new();
            self.unconfirmed_read = Some(at);
        }
    }

    /// When this caller was last shown something that the feed may not have.
    pub(super) fn shown_to(&self, caller: Caller) -> Option<Instant> {
        if self.shown.is_empty() { None } else { self.shown.get(&caller).copied() }
    }

    /// Notes that a read ended now that may have seen something newer than the feed has.
    pub(super) fn note_unconfirmed_read(&mut self) {
        self.unconfirmed_read = Some(Instant::now());
    }

    /// Notes that everything is applied that was committed before `read_began`.
    pub(super) fn confirm(&mut self, read_began: Instant) {
        self.confirmed = self.confirmed.max(Some(read_began));
        self.read_through = self.changes.now();
        self.held.retain(|_, held| held.at > read_began);
        self.shown.retain(|_, at| *at > read_began);
    }

    /// Starts with the entry after this one. What was confirmed before says nothing about another log.
    pub(super) fn restart(&mut self, log: LogId, head: Seq) {
        self.log = log;
        self.through = head;
        self.confirmed = None;
        self.forget_changes();
    }

    /// Notes that everything may have changed.
    pub(super) fn forget_changes(&mut self) {
        self.changes.note_all();
        self.remembers_after = self.through;
    }

    /// The last entry that was applied, and its log.
    pub(super) fn position(&self) -> (LogId, Seq) {
        (self.log, self.through)
    }

    /// Whether this version of an entity, which has every change of it up to entry `through`, is the one that the cache may
    /// show: nothing about it was applied since, and this node has not written a newer one.
    pub(super) fn is_current(&self, entity: Change, version: i32, through: Seq) -> bool {
        let Some(own) = self.oldest_shown(entity) else { return false };
        let newest = self.changes.version(entity).unwrap_or_default().max(own);
        let remembers_after = self.remembers_after.max(self.through - CHANGES as Seq);
        version >= newest && (remembers_after..=self.through).contains(&through)
    }

    /// What an entry with this number is to the cache.
    pub(super) fn advance(&mut self, seq: Seq) -> Advance {
        if seq <= self.through {
            return Advance::Known;
        }
        let is_next = seq == self.through + 1;
        self.through = seq;
        if is_next { Advance::Next } else { Advance::AfterGap }
    }
}

/// What an entry is to the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advance {
    /// It was applied before.
    Known,
    /// It follows the last one.
    Next,
    /// Others are missing before it.
    AfterGap,
}
