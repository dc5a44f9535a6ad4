//! Use cases: authorise, validate, decide, persist, once each.

pub mod feed;
