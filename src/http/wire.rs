//! GraphQL results as JSON.

use std::collections::BTreeMap;

use async_graphql::{Response, ServerError, Value};
use serde::Serialize;

use super::{error::code, observe::RequestId};

/// A result as the GraphQL specification has it: without `data` when the request was refused before it ran.
#[derive(Debug, Serialize)]
pub(super) struct GraphqlResult<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: &'a BTreeMap<String, Value>,
}

impl<'a> From<&'a Response> for GraphqlResult<'a> {
    fn from(response: &'a Response) -> Self {
        Self {
            errors: &response.errors,
            data: (!was_refused(response)).then_some(&response.data),
            extensions: &response.extensions,
        }
    }
}

/// Whether the request failed before execution: there is no data, and no error belongs to a field.
pub(super) fn was_refused(response: &Response) -> bool {
    has_no_data(response) && response.errors.iter().all(|error| error.path.is_empty())
}

/// Whether there are errors alone.
pub(super) fn has_no_data(response: &Response) -> bool {
    response.data == Value::Null && !response.errors.is_empty()
}

/// Puts the request id on INTERNAL errors, for the reader to find the fault in the log.
pub(super) fn tag_internal_errors(errors: &mut [ServerError], id: &RequestId) {
    for error in errors.iter_mut().filter(|error| code(error) == "INTERNAL") {
        if let Some(extensions) = &mut error.extensions
            && extensions.get("requestId").is_none()
        {
            extensions.set("requestId", id.as_str());
        }
    }
}
