//! Entities that are stored together, and what becomes of those that can't be stored.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
};

use csv::ByteRecord;
use parking_lot::Mutex;
use ulid::Ulid;

use super::{kind::Kind, summary::JsonlSummary};
use crate::{
    domain::{Order, Product, Refusal, Task, User, UserId},
    service::{
        import::{
            Counts, ImportError,
            rejects::{RejectReason, RejectsWriter},
        },
        jsonl::Line,
    },
    storage::{Result as StoreResult, Store, StoreError},
};

/// A batch takes no further line after this many,
const LINES: usize = 5_000;
/// or after this many bytes of text.
const BYTES: usize = 4 * 1024 * 1024;
/// How many stored entities are compared at a time.
const COMPARED: usize = 200;

const OTHER_CONTENT: RejectReason = Cow::Borrowed("its id is stored with other content, which stays");

/// Entities of all kinds with the numbers of their lines.
#[derive(Default)]
pub(super) struct Batch {
    users: Vec<(u64, User)>,
    products: Vec<(u64, Product)>,
    orders: Vec<(u64, Order)>,
    tasks: Vec<(u64, Task)>,
    lines: usize,
    bytes: usize,
    /// Number of bytes of the file read so far, and in total.
    pub(super) progress: (u64, u64),
}

impl Batch {
    /// Adds what a line of `bytes` says.
    pub(super) fn push(&mut self, number: u64, line: Line, bytes: usize) {
        match line {
            Line::User(user) => self.users.push((number, user)),
            Line::Product(product) => self.products.push((number, product)),
            Line::Order(order) => self.orders.push((number, order)),
            Line::Task(task) => self.tasks.push((number, task)),
            Line::End(_) => {}
        }
        self.lines += 1;
        self.bytes += bytes;
    }

    pub(super) fn is_full(&self) -> bool {
        self.lines >= LINES || self.bytes >= BYTES
    }
}

/// Stores a batch of the file with this name.
pub(super) async fn store_all(
    store: &dyn Store,
    batch: Batch,
    summary: &mut JsonlSummary,
    file: &str,
    rejects: &Mutex<RejectsWriter>,
) -> Result<(), ImportError> {
    let Batch { users, products, orders, tasks, .. } = batch;
    let target = Target { store, file, rejects };
    target.store_kind(users, &mut summary.users).await?;
    target.store_kind(products, &mut summary.products).await?;
    target.store_kind(orders, &mut summary.orders).await?;
    target.store_kind(tasks, &mut summary.tasks).await
}

/// Where a file is imported to.
struct Target<'t> {
    store: &'t dyn Store,
    file: &'t str,
    rejects: &'t Mutex<RejectsWriter>,
}

impl Target<'_> {
    async fn store_kind<T: Kind>(&self, batch: Vec<(u64, T)>, counts: &mut Counts) -> Result<(), ImportError> {
        if batch.is_empty() {
            return Ok(());
        }
        let (mut numbers, mut entities): (Vec<u64>, Vec<T>) = self.with_users(batch).await?.into_iter().unzip();
        let new = match T::import(self.store, &entities).await {
            Err(StoreError::Refused(Refusal::Duplicate(_))) => {
                let free = self.are_free(&entities).await?;
                let mut left = Vec::new();
                for ((number, entity), is_free) in numbers.into_iter().zip(entities).zip(free) {
                    match is_free {
                        true => left.push((number, entity)),
                        false => self.reject(T::TAKEN.into(), number, &entity)?,
                    }
                }
                (numbers, entities) = left.into_iter().unzip();
                T::import(self.store, &entities).await?
            }
            imported => imported?,
        };
        counts.new += new;
        counts.total += entities.len() as u64;
        if new < entities.len() as u64 {
            counts.total -= self.reject_others(&numbers, &entities).await?;
        }
        Ok(())
    }

    /// The entities that can be shown, because the user that each of them needs is stored. The others are rejected.
    async fn with_users<T: Kind>(&self, batch: Vec<(u64, T)>) -> Result<Vec<(u64, T)>, ImportError> {
        let wanted: BTreeSet<UserId> = batch.iter().filter_map(|(_, entity)| Some(entity.user()?.0)).collect();
        if wanted.is_empty() {
            return Ok(batch);
        }
        let found = self.store.users_by_ids(&Vec::from_iter(wanted)).await?;
        let stored: HashSet<UserId> = found.into_iter().flatten().map(|user| user.id).collect();
        let mut left = Vec::with_capacity(batch.len());
        for (number, entity) in batch {
            match entity.user().filter(|(user, _)| !stored.contains(user)) {
                Some((_, why)) => self.reject(why.into(), number, &entity)?,
                None => left.push((number, entity)),
            }
        }
        Ok(left)
    }

    /// Whether no other entity, stored or before it in the batch, has the unique value of each.
    async fn are_free<T: Kind>(&self, entities: &[T]) -> StoreResult<Vec<bool>> {
        let values: Vec<String> = entities.iter().filter_map(|entity| entity.unique().map(str::to_owned)).collect();
        let found = T::owners(self.store, &values).await?;
        let found = values.into_iter().zip(found).filter_map(|(value, owner)| Some((value, owner?.id())));
        let mut owners: HashMap<String, Ulid> = found.collect();
        let is_free = |entity: &T| {
            let unique = entity.unique();
            unique.is_none_or(|value| *owners.entry(value.to_owned()).or_insert(entity.id()) == entity.id())
        };
        Ok(entities.iter().map(is_free).collect())
    }

    /// Rejects the entities that are stored with other content, and returns their number.
    async fn reject_others<T: Kind>(&self, numbers: &[u64], entities: &[T]) -> Result<u64, ImportError> {
        let mut others = 0;
        for (numbers, entities) in numbers.chunks(COMPARED).zip(entities.chunks(COMPARED)) {
            let stored = T::stored(self.store, entities).await?;
            for ((number, entity), stored) in numbers.iter().zip(entities).zip(stored) {
                if stored.as_ref() != Some(entity) {
                    others += 1;
                    self.reject(OTHER_CONTENT, *number, entity)?;
                }
            }
        }
        Ok(others)
    }

    fn reject<T: Kind>(&self, reason: RejectReason, number: u64, entity: &T) -> Result<(), ImportError> {
        let mut line = Vec::new();
        entity.write_line(&mut line).map_err(|error| ImportError::Fault(error.to_string()))?;
        let record = ByteRecord::from(vec![self.file.as_bytes(), line.trim_ascii_end()]);
        self.rejects.lock().add(reason, number, &record)
    }
}
