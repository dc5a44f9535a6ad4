//! Imports of data sets: one module per data set, sharing the reading of files, rejects and progress reports.
//!
//! Ids are derived from the source's own keys, so importing a file twice changes nothing and an import that was cut
//! off is completed by running it again. No record is dropped silently: each one is either stored or rejected with its
//! line number and a reason.
//!
//! A blocking thread reads the file and sends batches over a bounded channel to the task that stores them, so reading
//! and storing overlap, and memory does not grow with the file.
//!
//! Decision: `docs/decisions/0005-import-by-derived-ids.md`.

mod counts;
mod error;
mod importer;
pub mod jira;
pub mod jsonl;
pub mod online_retail;
mod progress;
mod records;
mod rejects;
pub mod sample;
mod source;

pub use counts::Counts;
pub use error::ImportError;
pub use importer::Importer;
pub use progress::{NoProgress, Progress, Stage, Unit};
pub use rejects::{RejectCounts, RejectReason};
pub use source::ImportSource;
