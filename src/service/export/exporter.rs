//! A handle for exporting one database, for callers that have no access to its store.

use std::{collections::BTreeSet, sync::Arc};

use tokio::{
    sync::mpsc,
    task::{JoinError, spawn_blocking},
};

use super::{
    ExportError, ExportTarget,
    output::Output,
    writer::{ExportWriter, Exported},
};
use crate::{
    domain::{EventCursor, OrderFilter, ProductFilter, TaskFilter, UserFilter},
    service::import::Progress,
    storage::{ExportKind, Result as StoreResult, Store},
};

/// How many batches may wait to be written.
const BATCHES_WAITING: usize = 2;

/// What was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportSummary {
    /// How many entities.
    pub exported: Exported,
    /// The position of the log: the entities are what all changes up to it have made of them, and no other change.
    pub cursor: EventCursor,
}

/// Exports one database.
#[derive(Clone)]
pub struct Exporter {
    store: Arc<dyn Store>,
}

impl Exporter {
    /// An exporter that reads `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Writes all entities of these kinds, as lines of JSON: users first, then products, orders and tasks, each in the order
    /// of their ids, and last a line with the number of lines and the cursor.
    pub async fn export(
        &self,
        kinds: &BTreeSet<ExportKind>,
        target: ExportTarget,
        progress: Arc<dyn Progress>,
    ) -> Result<ExportSummary, ExportError> {
        let kinds: Vec<ExportKind> = kinds.iter().copied().collect();
        let total = self.count(&kinds).await?;
        let (sender, batches) = mpsc::channel(BATCHES_WAITING);
        let writing =
            spawn_blocking(move || ExportWriter::new(Output::open(target)?).write_all(batches, total, &progress));
        let cursor = self.store.export(&kinds, sender).await;
        // If the output fails, the store finds that nobody receives, which is not the cause.
        let writer = writing.await.map_err(broken_off)??;
        let cursor = cursor?;
        let exported = spawn_blocking(move || writer.finish(cursor)).await.map_err(broken_off)??;
        Ok(ExportSummary { exported, cursor })
    }

    /// About how many entities there are, for the progress.
    async fn count(&self, kinds: &[ExportKind]) -> StoreResult<u64> {
        let mut total = 0;
        for kind in kinds {
            let counts = match kind {
                ExportKind::Users => self.store.count_users(&[UserFilter::default()]).await?,
                ExportKind::Products => self.store.count_products(&[ProductFilter::default()]).await?,
                ExportKind::Orders => self.store.count_orders(&[OrderFilter::default()]).await?,
                ExportKind::Tasks => self.store.count_tasks(&[TaskFilter::default()]).await?,
            };
            total += counts.iter().sum::<u64>();
        }
        Ok(total)
    }
}

fn broken_off(error: JoinError) -> ExportError {
    ExportError::Fault(error.to_string())
}
