//! Stable codes in `extensions.code` of GraphQL errors.

/// Nobody is signed in, or the token is no longer valid.
pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
/// The viewer's role does not allow the operation.
pub const FORBIDDEN: &str = "FORBIDDEN";
/// The request or an argument is invalid.
pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
/// The entity does not exist for this viewer.
pub const NOT_FOUND: &str = "NOT_FOUND";
/// The document exceeds a limit, which the error names.
pub const QUERY_TOO_COMPLEX: &str = "QUERY_TOO_COMPLEX";
/// The request refers to a document that is not registered.
pub const PERSISTED_QUERY_NOT_FOUND: &str = "PERSISTED_QUERY_NOT_FOUND";
/// The cursor is older than the event log.
pub const CURSOR_EXPIRED: &str = "CURSOR_EXPIRED";
/// A rate limit is exhausted; `retryAfter` says in how many seconds to try again.
pub const RATE_LIMITED: &str = "RATE_LIMITED";
/// The database or another needed component cannot be reached; try again later.
pub const UNAVAILABLE: &str = "UNAVAILABLE";
/// A fault of the server; the transport adds the request id, which finds it in the log.
pub const INTERNAL: &str = "INTERNAL";

/// Every code, from the least severe to the most severe.
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
