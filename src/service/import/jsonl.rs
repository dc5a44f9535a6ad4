//! Imports what was exported as lines of JSON ([`crate::service::export`]), or what others have written in that form.
//!
//! Each line is checked by the rules of the API. Entities keep their ids, versions and times; one whose id is stored stays as
//! it is stored. A line is rejected if it breaks a rule, if another entity has its e-mail address, SKU or number, or if its id
//! is stored with other content. Users get no password.
//!
//! Decision: `docs/decisions/0037-exports.md`.

mod batch;
mod kind;
mod lines;
mod read;
mod summary;

use std::{path::PathBuf, sync::Arc};

use parking_lot::Mutex;
use tokio::{sync::mpsc, task::spawn_blocking};

pub use self::summary::JsonlSummary;

use self::batch::{Batch, store_all};
use super::{ImportError, ImportSource, Progress, Stage, error::broken_off, rejects::RejectsWriter};
use crate::storage::Store;

/// How many batches may wait to be stored.
const BATCHES_WAITING: usize = 2;
/// The columns of the file for rejected lines, after `line` and `reason`.
const COLUMNS: [&str; 2] = ["file", "text"];

/// Options of the import.
#[derive(Debug, Clone, Default)]
pub struct JsonlOptions {
    /// Path of the CSV file for rejected lines, with `line`, `reason`, `file` and `text`. With `None`, they are only counted.
    pub rejects: Option<PathBuf>,
}

/// Imports the files, one after the other.
pub async fn import(
    store: &dyn Store,
    sources: &[ImportSource],
    options: JsonlOptions,
    progress: Arc<dyn Progress>,
) -> Result<JsonlSummary, ImportError> {
    let rejects = RejectsWriter::create(options.rejects.as_deref(), sources, &COLUMNS)?;
    let rejects = Arc::new(Mutex::new(rejects));
    let mut summary = JsonlSummary::default();
    for source in sources {
        let (sender, mut batches) = mpsc::channel::<Batch>(BATCHES_WAITING);
        let reading = {
            let (source, rejects) = (source.clone(), rejects.clone());
            spawn_blocking(move || read::read(&source, &rejects, &sender))
        };
        while let Some(batch) = batches.recv().await {
            let (done, total) = batch.progress;
            store_all(store, batch, &mut summary, &source.to_string(), &rejects).await?;
            progress.update(Stage::Lines, done, total);
        }
        let read = reading.await.map_err(broken_off)??;
        summary.lines += read.lines;
        if !read.has_end {
            summary.without_end.push(source.to_string());
        }
    }
    summary.rejected = rejects.lock().finish()?;
    Ok(summary)
}
