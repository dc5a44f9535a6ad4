//! Exports everything of a kind as lines of JSON, as it was at one moment of the event log.

use std::{
    io::{self, Write},
    sync::Arc,
};

use tokio::sync::mpsc;

use super::import::jsonl::Line;
use crate::{
    domain::EventCursor,
    storage::{ExportKind, ExportedAt, Store, StoreError},
};

/// How many batches may wait to be written.
const BATCHES_WAITING: usize = 2;

/// Why an export failed. What was written until then is not whole.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database failed.
    #[error("cannot read: {0}")]
    Store(#[from] StoreError),
    /// The lines could not be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
    /// A bug: the reading task panicked.
    #[error("the export broke off: {0}")]
    Fault(String),
}

/// What was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportSummary {
    /// Number of lines.
    pub lines: u64,
    /// The lines have every change up to this place of the event log and none after it, so events after it go on from them.
    pub cursor: EventCursor,
}

/// Exports everything of a kind to `out`, and tells `progress` how many lines were written.
pub async fn export(
    store: Arc<dyn Store>,
    kind: ExportKind,
    with_password_hashes: bool,
    out: &mut (dyn Write + Send),
    progress: impl Fn(u64),
) -> Result<ExportSummary, ExportError> {
    let (sender, mut batches) = mpsc::channel(BATCHES_WAITING);
    let reading = tokio::spawn(async move { store.export(kind, sender).await });
    let mut lines = 0;
    while let Some(batch) = batches.recv().await {
        for line in Line::of_batch(batch, with_password_hashes) {
            serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
            lines += 1;
        }
        progress(lines);
    }
    out.flush()?;
    let ExportedAt { log, seq } = reading.await.map_err(|error| ExportError::Fault(error.to_string()))??;
    Ok(ExportSummary { lines, cursor: EventCursor::after(log, seq) })
}
