//! Requests as the transports read them.

use std::collections::HashMap;

use async_graphql::{ServerError, Value, Variables};

/// Every error that was found in a request.
pub(super) type RequestErrors = Vec<ServerError>;

/// A GraphQL request: a document or a reference to one, with variables and extensions.
#[derive(Debug, Default)]
pub struct OperationRequest {
    /// The document; `None` if the request refers to a registered one.
    pub query: Option<String>,
    /// The id of a registered document, as in the draft of
    /// <https://github.com/graphql/graphql-over-http/blob/main/spec/Appendix%20A%20--%20Persisted%20Documents.md>:
    /// `sha256:` and a hash, or the id in a manifest.
    pub document_id: Option<String>,
    /// Name of the operation to run; `None` for the only one of the document.
    pub operation_name: Option<String>,
    /// Values of the variables by name.
    pub variables: Variables,
    /// `persistedQuery` refers to a document; `cost: true` asks for the cost of the operation in the response.
    pub extensions: HashMap<String, Value>,
}

impl OperationRequest {
    /// Creates a request for a document without variables.
    pub fn new(query: impl Into<String>) -> Self {
        Self { query: Some(query.into()), ..Self::default() }
    }

    /// Sets the variables.
    #[must_use]
    pub fn variables(self, variables: Variables) -> Self {
        Self { variables, ..self }
    }

    /// Whether the request refers to a registered document, even if it also sends it.
    pub fn names_document(&self) -> bool {
        self.document_id.is_some() || self.extensions.contains_key("persistedQuery")
    }
}
