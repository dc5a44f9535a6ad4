//! Who makes a change, and when.

use super::{Timestamp, UserId};

/// The author and the time of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// User who makes the change; `None` for Orderwire itself.
    pub actor: Option<UserId>,
    /// Time of the change.
    pub at: Timestamp,
}
