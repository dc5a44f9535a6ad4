//! Runs the documents that make the payloads of webhooks.
//!
//! Decision: `docs/decisions/0033-webhooks.md`.

use async_graphql::{Response, Variables, parser::types::OperationType};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    api::{Api, Endpoint},
    engine::document::{OperationRequest, PreparedOperation},
};
use crate::{
    domain::{EventId, Timestamp, Viewer},
    service::PayloadRenderer,
};

/// The first error of a response; why it failed.
fn first_error(response: &Response) -> String {
    response.errors.first().map_or_else(|| "there is no answer".to_owned(), |error| error.message.clone())
}

impl Api {
    async fn prepare_payload(&self, document: &str, event: EventId) -> Result<PreparedOperation, String> {
        let variables = Variables::from_json(json!({ "id": event.to_string() }));
        let request = OperationRequest::new(document).variables(variables);
        let operation = self.prepare(request, None).await.map_err(|refusal| {
            let error = first_error(&refusal);
            let hint = if error.starts_with("Variable ") && error.ends_with(" is required") {
                "; only $id has a value"
            } else {
                ""
            };
            format!("{error}{hint}")
        })?;
        match operation.kind() {
            OperationType::Query => Ok(operation),
            OperationType::Mutation | OperationType::Subscription => Err("it must be a query".to_owned()),
        }
    }
}

#[async_trait]
impl PayloadRenderer for Api {
    async fn check(&self, document: &str) -> Result<(), String> {
        let any = EventId::generate(Timestamp::from_unix_millis(0));
        self.prepare_payload(document, any).await.map(drop)
    }

    async fn render(&self, document: &str, event: EventId, viewer: Viewer) -> Result<Value, String> {
        let operation = self.prepare_payload(document, event).await?;
        let response = self.execute(viewer, operation).await;
        if !response.errors.is_empty() {
            return Err(first_error(&response));
        }
        response.data.into_json().map_err(|error| error.to_string())
    }
}
