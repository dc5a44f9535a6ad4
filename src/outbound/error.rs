//! Why a request got no answer.

use std::time::Duration;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The name of the server has no address.
    #[error("the name of the server can't be resolved")]
    NotResolved,
    /// None of the server's addresses may be connected to.
    #[error("the address is not public, and webhooks.allowed_networks does not allow it")]
    Forbidden,
    /// The connection failed.
    #[error("can't connect: {0}")]
    Connect(std::io::Error),
    /// There is no secure connection.
    #[error("TLS failed: {0}")]
    Tls(std::io::Error),
    /// The connection broke, or the answer is not HTTP.
    #[error("no answer: {0}")]
    Http(hyper::Error),
    /// The answer took too long.
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
}
