//! Reading all entities of some kinds, as they were at one moment of the event log.
//!
//! Decision: `docs/decisions/0037-exports.md`.

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{Result, StoreError, instrumented::instrument};
use crate::domain::{EventCursor, Order, Product, Task, User};

/// A batch takes no further entity after this many,
const BATCH: usize = 1000;
/// or after this many estimated bytes.
const BATCH_BYTES: usize = 1 << 20;

/// A kind of entity that can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExportKind {
    /// Users, deleted ones too; without their passwords.
    Users,
    /// Products.
    Products,
    /// Orders, with their lines and history.
    Orders,
    /// Tasks.
    Tasks,
}

/// Entities of one kind, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportBatch {
    /// Of [`ExportKind::Users`].
    Users(Vec<User>),
    /// Of [`ExportKind::Products`].
    Products(Vec<Product>),
    /// Of [`ExportKind::Orders`].
    Orders(Vec<Order>),
    /// Of [`ExportKind::Tasks`].
    Tasks(Vec<Task>),
}

/// An entity that can be exported.
pub(super) trait Exported: Sized + Send {
    /// Estimated bytes that it takes.
    fn bytes(&self) -> usize;
    /// A batch of such entities.
    fn batch(entities: Vec<Self>) -> ExportBatch;
}

macro_rules! exported {
    ($($entity:ident: $batch:ident),*) => {$(
        impl Exported for $entity {
            fn bytes(&self) -> usize {
                self.memory()
            }
            fn batch(entities: Vec<Self>) -> ExportBatch {
                ExportBatch::$batch(entities)
            }
        }
    )*};
}

exported!(User: Users, Product: Products, Order: Orders, Task: Tasks);

/// Entities that become a batch.
pub(super) struct BatchBuilder<T> {
    entities: Vec<T>,
    bytes: usize,
}

impl<T: Exported> BatchBuilder<T> {
    pub(super) fn new() -> Self {
        Self { entities: Vec::new(), bytes: 0 }
    }

    /// Adds an entity; returns the batch if it takes no further one.
    pub(super) fn push(&mut self, entity: T) -> Option<ExportBatch> {
        self.bytes += entity.bytes();
        self.entities.push(entity);
        let is_full = self.entities.len() >= BATCH || self.bytes >= BATCH_BYTES;
        is_full.then(|| self.take()).flatten()
    }

    /// The batch of what was added since the last one; `None` if that is nothing.
    pub(super) fn take(&mut self) -> Option<ExportBatch> {
        self.bytes = 0;
        let entities = std::mem::take(&mut self.entities);
        (!entities.is_empty()).then(|| T::batch(entities))
    }
}

/// The error of an export whose receiver is gone.
pub(super) fn not_received() -> StoreError {
    StoreError::Unavailable("nobody receives the export any more".to_owned())
}

/// Reading all entities of some kinds.
#[async_trait]
pub trait ExportStore {
    /// Sends all entities of these kinds, kind by kind, and returns a position of the log: the entities are exactly what the
    /// changes up to it have made of them. Changes that are made meanwhile don't wait.
    /// Errors: `Unavailable` if the receiver is gone, if the export takes longer than the database keeps what has changed
    /// since, or if no moment can be found because very much is changed.
    async fn export(&self, kinds: &[ExportKind], batches: mpsc::Sender<ExportBatch>) -> Result<EventCursor>;
}

instrument!(ExportStore {
    fn export(kinds: &[ExportKind], batches: mpsc::Sender<ExportBatch>) -> EventCursor;
});
