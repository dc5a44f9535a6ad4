//! The parts that both load generators use.

pub mod figures;
pub mod process;
pub mod unsent;

/// An error ends the run; its message is printed.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
