//! The schema: its types and resolvers. A resolver parses its arguments, makes one service request and maps the result;
//! edges between entities go through batched loaders.

mod api_key;
pub mod connection;
mod cursor;
mod error;
mod event;
mod id_page;
mod job;
mod loaders;
mod metadata;
mod money;
mod order;
mod product;
pub mod request_context;
mod root;
mod scalars;
mod search;
mod sort;
mod task;
mod user;
mod webhook;

pub use metadata::HasMetadata;
pub use root::{Mutation, Query, Subscription};
pub use scalars::SCALARS;
pub use sort::OrderDirection;
