//! What the load generators share.

pub mod figures;
pub mod process;
pub mod unsent;

/// Errors end the run; what they say is for the one who started it.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
