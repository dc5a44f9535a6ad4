//! What the reads of a task are counted by.
//!
//! Decision: `docs/decisions/0025-rows-and-loaded-bytes.md`.

/// Rows that each read may examine without being counted: finding some rows by their keys costs nothing beside the rows
/// themselves, and an engine that estimates is not exact to fewer.
const UNCOUNTED_ROWS: u64 = 400;

/// Counts what the storage reads for an operation, and limits what it loads. Called from any thread.
pub trait ReadMeter: Send + Sync {
    /// Counts rows that were examined.
    fn examine(&self, rows: u64);

    /// Counts bytes that are loaded into memory.
    ///
    /// # Errors
    ///
    /// [`OverBudget`]: nothing more is to be loaded.
    fn load(&self, bytes: usize) -> Result<(), OverBudget>;
}

/// A read would load more bytes than there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    /// The operation has loaded as many bytes as one may.
    #[error("the operation loads more than {0} bytes")]
    Operation(usize),
    /// The operations and answers of the client take as many bytes as those of one may.
    #[error("the operations and answers of this client take {0} bytes already")]
    Client(usize),
    /// The operations and answers of this node take as many bytes as they may.
    #[error("the operations and answers of this node take {0} bytes already")]
    Node(usize),
}

/// Counts the rows that one read has examined, but for the first [`UNCOUNTED_ROWS`] of them.
#[derive(Debug, Default)]
pub struct ExaminedRows {
    examined: u64,
    counted: u64,
}

impl ExaminedRows {
    /// The read has examined this many rows so far, as far as the engine knows.
    pub fn set(&mut self, examined: u64, meter: &dyn ReadMeter) {
        self.examined = self.examined.max(examined);
        let counted = self.examined.saturating_sub(UNCOUNTED_ROWS);
        if counted > self.counted {
            meter.examine(counted - self.counted);
            self.counted = counted;
        }
    }
}
