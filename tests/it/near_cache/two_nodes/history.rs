//! Every version that entities had, with the time of its write, to check what reads show.

use std::{collections::HashMap, fmt::Debug};

use orderwire::domain::{MAX_READ_AGE, Order, Product, User};
use parking_lot::RwLock;
use tokio::time::Instant;
use ulid::Ulid;

/// An entity with a version.
pub trait Versioned: Clone + PartialEq + Debug {
    fn id_and_version(&self) -> (Ulid, i32);
}

impl Versioned for Product {
    fn id_and_version(&self) -> (Ulid, i32) {
        (self.id.ulid(), self.version)
    }
}

impl Versioned for Order {
    fn id_and_version(&self) -> (Ulid, i32) {
        (self.id.ulid(), self.version)
    }
}

impl Versioned for User {
    fn id_and_version(&self) -> (Ulid, i32) {
        (self.id.ulid(), self.version)
    }
}

/// A write of a node.
#[derive(Clone, Copy)]
pub struct Write {
    pub node: usize,
    pub began: Instant,
    pub acknowledged: Instant,
}

/// A read of a node.
#[derive(Clone, Copy)]
pub struct Read {
    pub node: usize,
    pub began: Instant,
    pub ended: Instant,
    /// Whether it must see what any node had written before it began.
    pub sees_all: bool,
}

impl Read {
    /// Whether it must see what was written so.
    fn must_see(&self, write: &Write) -> bool {
        let at_once = self.sees_all || self.node == write.node;
        let since = if at_once { Some(self.began) } else { self.began.checked_sub(MAX_READ_AGE) };
        since.is_some_and(|since| write.acknowledged <= since)
    }
}

/// The versions of entities of one kind. The first of an entity is at place 0. Tasks note their writes in any order.
pub struct History<T>(RwLock<HashMap<Ulid, Versions<T>>>);

type Versions<T> = Vec<Option<(Write, T)>>;

impl<T> Default for History<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T: Versioned> History<T> {
    pub fn note(&self, write: Write, entity: &T) {
        let (id, version) = entity.id_and_version();
        let mut versions = self.0.write();
        let versions = versions.entry(id).or_default();
        let place = usize::try_from(version - 1).unwrap();
        versions.resize_with(versions.len().max(place + 1), || None);
        versions[place] = Some((write, entity.clone()));
    }

    /// The oldest version that a read may show; 0 if it need not show any.
    pub fn oldest(&self, id: Ulid, read: &Read) -> i32 {
        let versions = self.0.read();
        let Some(versions) = versions.get(&id) else { return 0 };
        let newest = versions.iter().rposition(|version| version.as_ref().is_some_and(|(it, _)| read.must_see(it)));
        newest.map_or(0, |place| i32::try_from(place + 1).unwrap())
    }

    /// Whether the entity is as the write of its version left it; `None` if that write is not noted yet.
    pub fn is_right(&self, found: &T, read: &Read, as_read: impl Fn(&T) -> T) -> Option<bool> {
        let (id, version) = found.id_and_version();
        let versions = self.0.read();
        let (write, entity) = versions.get(&id)?.get(usize::try_from(version - 1).unwrap())?.as_ref()?;
        Some(as_read(entity) == *found && write.began <= read.ended)
    }

    /// The first version from `oldest` on that passes, of those whose writes began before the read ended.
    pub fn first(&self, id: Ulid, oldest: i32, read: &Read, passes: impl Fn(&T) -> bool) -> Option<i32> {
        let versions = self.0.read();
        let later = versions.get(&id)?.get(usize::try_from(oldest.max(1) - 1).unwrap()..)?.iter().flatten();
        let mut later = later.filter(|(write, _)| write.began <= read.ended);
        later.find(|(_, it)| passes(it)).map(|(_, it)| it.id_and_version().1)
    }
}
