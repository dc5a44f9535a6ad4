//! The thread that writes an export.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{ExportError, output::Output};
use crate::{
    domain::EventCursor,
    service::{
        import::{Progress, Stage},
        jsonl::{End, EndLine, HasLine},
    },
    storage::ExportBatch,
};

/// How many entities were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// Users.
    pub users: u64,
    /// Products.
    pub products: u64,
    /// Orders.
    pub orders: u64,
    /// Lines of these orders.
    pub items: u64,
    /// Tasks.
    pub tasks: u64,
}

impl Exported {
    /// How many lines the entities have.
    pub fn lines(&self) -> u64 {
        self.users + self.products + self.orders + self.tasks
    }
}

/// An export that is being written.
pub(super) struct ExportWriter {
    output: Output,
    buffer: Vec<u8>,
    exported: Exported,
}

impl ExportWriter {
    pub(super) fn new(output: Output) -> Self {
        Self { output, buffer: Vec::new(), exported: Exported::default() }
    }

    /// Writes the batches as they arrive. `total` is about how many entities there are.
    pub(super) fn write_all(
        mut self,
        mut batches: mpsc::Receiver<ExportBatch>,
        total: u64,
        progress: &Arc<dyn Progress>,
    ) -> Result<Self, ExportError> {
        while let Some(batch) = batches.blocking_recv() {
            match &batch {
                ExportBatch::Users(users) => self.exported.users += self.write(users)?,
                ExportBatch::Products(products) => self.exported.products += self.write(products)?,
                ExportBatch::Orders(orders) => {
                    self.exported.items += orders.iter().map(|order| order.items.len() as u64).sum::<u64>();
                    self.exported.orders += self.write(orders)?;
                }
                ExportBatch::Tasks(tasks) => self.exported.tasks += self.write(tasks)?,
            }
            let done = self.exported.lines();
            progress.update(Stage::Export, done, total.max(done));
        }
        Ok(self)
    }

    /// Writes a line for each entity, and returns their number.
    fn write<T: HasLine>(&mut self, entities: &[T]) -> Result<u64, ExportError> {
        self.buffer.clear();
        for entity in entities {
            entity.write_line(&mut self.buffer).map_err(|error| ExportError::Fault(error.to_string()))?;
        }
        self.output.write(&self.buffer)?;
        Ok(entities.len() as u64)
    }

    /// Writes the last line and completes the output.
    pub(super) fn finish(mut self, cursor: EventCursor) -> Result<Exported, ExportError> {
        let end = End { lines: self.exported.lines(), cursor: cursor.to_string() };
        self.write(&[EndLine { end }])?;
        self.output.finish()?;
        Ok(self.exported)
    }
}
