//! Metadata in the schema: what the entities with it share, its filter and its mutation.

mod interface;
mod items;
mod mutation;

pub use interface::HasMetadata;
pub(super) use items::{Items, MetadataFilter, items, private_items};
pub use mutation::MetadataMutation;
