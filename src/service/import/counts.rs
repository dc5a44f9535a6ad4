//! How much an import stored.

/// How many entities of one kind the file holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that were accepted.
    pub total: u64,
    /// Those that were not stored before.
    pub new: u64,
}
