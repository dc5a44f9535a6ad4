//! The integration tests: one binary.

mod bus;
mod schema;
