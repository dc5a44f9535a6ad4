//! Exports: all entities of some kinds as lines of JSON, as they were at one position of the event log.
//!
//! The store sends batches over a bounded channel to a blocking thread that writes them, so reading and writing overlap, and
//! memory does not grow with the database.
//!
//! Decision: `docs/decisions/0037-exports.md`.

mod error;
mod exporter;
mod output;
mod writer;

pub use error::ExportError;
pub use exporter::{ExportSummary, Exporter};
pub use output::ExportTarget;
pub use writer::Exported;

pub use crate::storage::ExportKind;
