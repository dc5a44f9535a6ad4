//! Requests as the transports read them.

use std::collections::HashMap;

use async_graphql::{ServerError, Value, Variables, value};

use crate::{
    domain::{ClientAddress, ConsistencyToken, InvalidConsistencyToken},
    graphql::engine::{code, error::refusal},
};

/// Every error that was found in a request.
pub(super) type RequestErrors = Vec<ServerError>;

/// Most errors that a refused request is answered with.
pub(super) const MAX_ERRORS: usize = 20;
/// Most bytes of the message of such an error, which may quote the request.
const MAX_MESSAGE: usize = 500;

/// Leaves out the errors past [`MAX_ERRORS`], and the ends of long messages.
pub(super) fn shortened(mut errors: RequestErrors) -> RequestErrors {
    errors.truncate(MAX_ERRORS);
    for ServerError { message, .. } in &mut errors {
        if message.len() > MAX_MESSAGE {
            let end = (0..=MAX_MESSAGE).rev().find(|end| message.is_char_boundary(*end));
            message.truncate(end.unwrap_or_default());
            message.push('…');
        }
    }
    errors
}

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
    /// `persistedQuery` refers to a document; `cost: true` asks for the cost of the operation in the response;
    /// `consistency.token` is that of a mutation which its reads must see.
    pub extensions: HashMap<String, Value>,
    /// The address that the request comes from; `None` if addresses are not limited.
    pub client: Option<ClientAddress>,
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

    /// Sets the token of a mutation that its reads must see, unless the request has one in its extensions.
    pub fn set_consistency_token(&mut self, token: &str) {
        let token = || value!({ "token": token });
        self.extensions.entry("consistency".to_owned()).or_insert_with(token);
    }

    /// The token of a mutation that its reads must see.
    pub(super) fn consistency_token(&self) -> Result<Option<ConsistencyToken>, RequestErrors> {
        let token = match self.extensions.get("consistency") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(consistency)) => consistency.get("token"),
            Some(_) => None,
        };
        let token = match token {
            Some(Value::String(token)) => token.parse().map_err(|error: InvalidConsistencyToken| error.to_string()),
            _ => Err("`extensions.consistency.token` must be a string".to_owned()),
        };
        token
            .map(Some)
            .map_err(|message| vec![refusal(code::BAD_USER_INPUT, format!("orderwire-consistency: {message}."))])
    }

    /// Whether the request refers to a registered document, even if it also sends it.
    pub fn names_document(&self) -> bool {
        self.document_id.is_some() || self.extensions.contains_key("persistedQuery")
    }
}
