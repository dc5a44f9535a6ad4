//! Where a subscription starts, and why it ends.

use crate::{domain::Seq, storage::OwnChanges};

/// Where a subscription begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartAt {
    /// With what happens next, without what this node has committed before. The feed may not have that yet.
    Now(OwnChanges),
    /// With the first entry after this one.
    After(Seq),
}

/// Why a subscription ended. `last` is where to go on from: every matching entry up to it was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// The position is not one of this log: it is past its end.
    #[error("the cursor is not one of this server's")]
    InvalidCursor,
    /// Entries after the position were deleted already, or the log has another id than when the position was given.
    #[error("the cursor is older than the event log reaches back")]
    CursorExpired,
    /// The subscriber fell too far behind.
    #[error("the subscriber is too slow")]
    TooSlow {
        /// Where to go on from.
        last: Seq,
    },
    /// The log could not be read for some time.
    #[error("the event log is not available")]
    Unavailable {
        /// Where to go on from.
        last: Seq,
    },
    /// The node is stopping.
    #[error("the server is shutting down")]
    ShuttingDown {
        /// Where to go on from.
        last: Seq,
    },
}
