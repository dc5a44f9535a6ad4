//! Payloads that a GraphQL document of the user's makes.

use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use serde_json::Value;

use crate::domain::{EventId, Viewer};

/// Runs the documents of webhooks. The GraphQL API does.
#[async_trait]
pub trait PayloadRenderer: Send + Sync {
    /// Fails unless the document is a query that may be run with a variable `$id: ID!`, the id of an event.
    async fn check(&self, document: &str) -> Result<(), String>;

    /// The answer to the document about an event, as far as the viewer may see it. Fails if the answer has errors.
    async fn render(&self, document: &str, event: EventId, viewer: Viewer) -> Result<Value, String>;
}

/// Where the renderer will be: it needs the service, which exists before it.
#[derive(Default)]
pub(in crate::service) struct RendererCell(OnceLock<Weak<dyn PayloadRenderer>>);

impl RendererCell {
    pub(in crate::service) fn set(&self, renderer: &Arc<dyn PayloadRenderer>) {
        // Only the first one counts.
        let _ = self.0.set(Arc::downgrade(renderer));
    }

    /// The renderer, if this process has one.
    pub(super) fn get(&self) -> Result<Arc<dyn PayloadRenderer>, String> {
        let renderer = self.0.get().and_then(Weak::upgrade);
        renderer.ok_or_else(|| "this process runs no documents".to_owned())
    }
}
