//! Stable codes in `extensions.code` of GraphQL errors.

/// Nobody is signed in, or the token is not good any more.
pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
/// The viewer's role does not allow it.
pub const FORBIDDEN: &str = "FORBIDDEN";
/// The request or an argument is not acceptable.
pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
/// What is named does not exist for this viewer.
pub const NOT_FOUND: &str = "NOT_FOUND";
/// The document exceeds a limit, which the error names.
pub const QUERY_TOO_COMPLEX: &str = "QUERY_TOO_COMPLEX";
/// A document that is named and not sent is not known.
pub const PERSISTED_QUERY_NOT_FOUND: &str = "PERSISTED_QUERY_NOT_FOUND";
/// The cursor is older than the event log.
pub const CURSOR_EXPIRED: &str = "CURSOR_EXPIRED";
/// There was too much of it lately; `retryAfter` says in how many seconds to try again.
pub const RATE_LIMITED: &str = "RATE_LIMITED";
/// A part that is needed can't be reached; try again later.
pub const UNAVAILABLE: &str = "UNAVAILABLE";
/// A fault of ours; the transport adds the id that finds it in the log.
pub const INTERNAL: &str = "INTERNAL";

/// Every code, from the least worrying to the worst.
pub(crate) const BY_SEVERITY: [&str; 10] = [
    PERSISTED_QUERY_NOT_FOUND,
    NOT_FOUND,
    BAD_USER_INPUT,
    QUERY_TOO_COMPLEX,
    CURSOR_EXPIRED,
    UNAUTHENTICATED,
    FORBIDDEN,
    RATE_LIMITED,
    UNAVAILABLE,
    INTERNAL,
];
