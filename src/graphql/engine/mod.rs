//! Prepares, limits and runs GraphQL operations. Nothing here names an entity or looks at [`super::schema`].

pub(crate) mod answer_reads;
pub mod client_limits;
pub mod code;
pub mod document;
pub mod error;
pub mod execute;
pub mod json;
pub mod live;
pub mod page_size;
pub mod public_answers;
pub mod rate_limit;
pub mod resume;
