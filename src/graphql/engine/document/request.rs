//! Requests as the transports read them.

use std::collections::HashMap;

use async_graphql::{Value, Variables};

/// What a client asks for.
#[derive(Debug, Default)]
pub struct OperationRequest {
    /// The document; `None` when it is named instead.
    pub query: Option<String>,
    /// The id of a registered document, by the draft of
    /// <https://github.com/graphql/graphql-over-http/blob/main/spec/Appendix%20A%20--%20Persisted%20Documents.md>:
    /// `sha256:` and a hash, or the id in a manifest.
    pub document_id: Option<String>,
    /// Which operation of the document; `None` for the only one.
    pub operation_name: Option<String>,
    /// The values of variables.
    pub variables: Variables,
    /// What else is said: `persistedQuery`, and `cost` to be told what the operation costs.
    pub extensions: HashMap<String, Value>,
}

impl OperationRequest {
    /// For a document without variables.
    pub fn new(query: impl Into<String>) -> Self {
        Self { query: Some(query.into()), ..Self::default() }
    }

    /// With these variables.
    #[must_use]
    pub fn variables(self, variables: Variables) -> Self {
        Self { variables, ..self }
    }

    /// Whether it names a document, with or without sending it.
    pub fn names_document(&self) -> bool {
        self.document_id.is_some() || self.extensions.contains_key("persistedQuery")
    }
}
