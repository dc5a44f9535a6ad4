//! The integration tests: one binary.

mod import;
