//! Loading outside data: one module a source, sharing how files are read, what is rejected and how far it is.
//!
//! Ids are derived from the source's own keys, so importing a file twice changes nothing and an import that was cut
//! off is completed by running it again. Nothing is dropped unsaid: each record of the file is either stored or
//! rejected with its line number and a reason.
//!
//! Files are read on a thread for blocking work, which hands finished batches to the storing side over a bounded
//! channel: reading and storing overlap, and memory does not grow with the file.
//!
//! Decision: `docs/decisions/0005-import-by-derived-ids.md`.

mod counts;
mod error;
mod importer;
pub mod jira;
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
