//! Runs the document of a webhook with the rights that its creator has now.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::timeout;

use super::{super::Service, renderer::PayloadRenderer};
use crate::{
    domain::{EventId, SessionId, Timestamp, UserId, Viewer, WebhookDefinition},
    storage::Store,
};

/// How long a document may run.
const LONGEST: Duration = Duration::from_secs(10);

/// The document of a webhook, and who made the webhook.
pub(super) struct PayloadDocument {
    store: Arc<dyn Store>,
    renderer: Arc<dyn PayloadRenderer>,
    document: String,
    creator: Option<UserId>,
}

impl Service {
    /// The document of a webhook, if it has one.
    pub(super) fn payload_document(&self, definition: &WebhookDefinition) -> Result<Option<PayloadDocument>, String> {
        let Some(document) = definition.document.clone() else { return Ok(None) };
        let (store, renderer) = (self.store.clone(), self.renderer.get()?);
        Ok(Some(PayloadDocument { store, renderer, document, creator: definition.creator }))
    }
}

impl PayloadDocument {
    /// What the document makes of an event.
    pub(super) async fn render(&self, event: EventId) -> Result<Value, String> {
        let viewer = match self.creator {
            None => Viewer::System,
            Some(creator) => {
                let found =
                    self.store.users_by_ids(&[creator]).await.map_err(|error| error.to_string())?.pop().flatten();
                let user =
                    found.filter(|user| !user.is_deleted()).ok_or("the user who made the webhook was deleted")?;
                // No change is made with it, so the session is never looked up.
                let session = SessionId::generate(Timestamp::from_unix_millis(0));
                Viewer::User { id: user.id, role: user.role, session }
            }
        };
        let rendered = timeout(LONGEST, self.renderer.render(&self.document, event, viewer)).await;
        rendered.map_err(|_| "it takes too long".to_owned())?
    }
}
