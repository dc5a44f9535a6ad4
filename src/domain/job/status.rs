//! What jobs there are, and how far they are.

use crate::domain::declare::text_enum;

text_enum! {
    /// What kind of work a job is.
    pub enum JobKind {
        /// Deletes data that is past its retention.
        Prune => "prune",
    }
}

text_enum! {
    /// How far a job is.
    pub enum JobStatus {
        /// It waits for its time.
        Waiting => "WAITING",
        /// A process runs it.
        Running => "RUNNING",
        /// It is done.
        Succeeded => "SUCCEEDED",
        /// It has failed as often as it may.
        Failed => "FAILED",
        /// Somebody has decided that it need not be done.
        Discarded => "DISCARDED",
    }
}
