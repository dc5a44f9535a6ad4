//! What the nodes of a deployment have read, kept for each other.

use async_trait::async_trait;

/// A cache that nodes share behind their own ([`NearCache`](super::NearCache)): bytes by name. It may lose anything at any
/// time. Whoever reads a value decides whether it is out of date.
#[async_trait]
pub trait SharedCache: Send + Sync + 'static {
    /// The values with these names, in their order: `None` for what it does not have. Answers soon, also when it is out of
    /// order, and then has nothing.
    async fn get(&self, names: &[String]) -> Vec<Option<Vec<u8>>>;

    /// Keeps values under names for a minute at most. Returns at once.
    fn put(&self, values: Vec<(String, Vec<u8>)>);
}
