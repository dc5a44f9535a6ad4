//! What an import of lines has done.

use crate::service::import::{Counts, RejectCounts};

/// Summary of an import. `lines` is the sum of all totals and all of `rejected`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JsonlSummary {
    /// Number of lines, without blank ones and those that end an export.
    pub lines: u64,
    /// Users of the lines.
    pub users: Counts,
    /// Products of the lines.
    pub products: Counts,
    /// Orders of the lines.
    pub orders: Counts,
    /// Tasks of the lines.
    pub tasks: Counts,
    /// Rejected lines, by reason.
    pub rejected: RejectCounts,
    /// Names of the files that don't end like an export: others have written them, or they are cut off.
    pub without_end: Vec<String>,
}
