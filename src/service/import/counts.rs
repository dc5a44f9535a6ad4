//! Numbers of entities that an import stored.

/// How many entities of one kind the file holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Number of accepted entities.
    pub total: u64,
    /// Number of accepted entities that were not stored before.
    pub new: u64,
}
