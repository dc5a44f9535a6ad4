//! Use cases: authorise, validate, decide, persist. No GraphQL, no HTTP, no driver.

pub mod import;
