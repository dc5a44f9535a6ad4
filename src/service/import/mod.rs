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

pub mod jira;
pub mod online_retail;
mod progress;
mod records;
mod rejects;
pub mod sample;
mod source;

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};

pub use progress::{NoProgress, Progress, Stage, Unit};
pub use rejects::RejectReason;
pub use source::ImportSource;

use crate::{
    domain::UserId,
    storage::{Store, StoreError},
};

/// Imports into one database.
#[derive(Clone)]
pub struct Importer {
    store: Arc<dyn Store>,
}

impl Importer {
    /// Imports into `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// See [`online_retail::import`].
    pub async fn online_retail(
        &self,
        source: &ImportSource,
        options: online_retail::OnlineRetailOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<online_retail::OnlineRetailSummary, ImportError> {
        online_retail::import(&*self.store, source, options, progress).await
    }

    /// See [`jira::import`].
    pub async fn jira(
        &self,
        source: &ImportSource,
        options: jira::JiraOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<jira::JiraSummary, ImportError> {
        jira::import(&*self.store, source, options, progress).await
    }

    /// The user with this e-mail address, whatever its case. Errors: `NoSuchUser`, `Store`.
    pub async fn user_with_email(&self, email: &str) -> Result<UserId, ImportError> {
        let email = email.trim().to_lowercase();
        let found = self.store.users_by_emails(std::slice::from_ref(&email)).await?.into_iter().flatten().next();
        found.map(|user| user.id).ok_or(ImportError::NoSuchUser(email))
    }
}

/// How many entities of one kind the file holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that were accepted.
    pub total: u64,
    /// Those that were not stored before.
    pub new: u64,
}

/// How many records were rejected for which reason.
pub type RejectCounts = BTreeMap<RejectReason, u64>;

/// Why an import stopped. What was stored until then stays; running the import again completes it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file can't be opened or read.
    #[error("cannot read {name}: {cause}")]
    Read {
        /// The file.
        name: String,
        /// What the system says.
        cause: io::Error,
    },
    /// Something else than a file: it has to be read twice.
    #[error("{0} is not a regular file")]
    NotAFile(String),
    /// There is not even a header.
    #[error("{0} is empty")]
    Empty(String),
    /// The columns are not those of the data set.
    #[error("{name} has other columns than expected: found \"{found}\", expected \"{expected}\"")]
    Header {
        /// The file.
        name: String,
        /// Its first record, shortened.
        found: String,
        /// The columns of the data set.
        expected: String,
    },
    /// The compressed data ends too early.
    #[error("{0} is cut off: its compressed data ends too early")]
    CutOff(String),
    /// A record has no end in sight.
    #[error("{name}, line {line}: a record longer than 4 MiB; is a quotation mark left open?")]
    RecordTooLong {
        /// The file.
        name: String,
        /// Where the record starts.
        line: u64,
    },
    /// The second reading found something else than the first.
    #[error("{0} was changed while it was read; run the import again")]
    Changed(String),
    /// The rejects can't be written.
    #[error("cannot write the rejects to {}: {cause}", path.display())]
    Rejects {
        /// The rejects file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The rejects would overwrite what is imported.
    #[error("{} is the file to import: the rejects need another one", .0.display())]
    RejectsAreSource(PathBuf),
    /// Nobody has the e-mail address that was given.
    #[error("there is no user with the e-mail address {0}")]
    NoSuchUser(String),
    /// The database refused.
    #[error("cannot store: {0}; run the import again to complete it")]
    Store(#[from] StoreError),
    /// A fault of ours.
    #[error("the import broke off: {0}")]
    Fault(String),
}

/// The reading thread ended without a result.
fn broken_off(error: tokio::task::JoinError) -> ImportError {
    ImportError::Fault(error.to_string())
}
