//! GraphQL results as JSON, for all transports.

use std::{collections::BTreeMap, io};

use async_graphql::{Response, ServerError, Value};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    graphql::{Json, ResultBody, write_data},
    http::graphql_error::code,
};

/// Initial buffer size in bytes, enough for a small result.
const FIRST_BYTES: usize = 1024;

/// A result as the GraphQL specification defines it: without `data` when the request was refused before execution.
#[derive(Debug, Serialize)]
pub(in crate::http) struct GraphqlResult<'a> {
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

impl GraphqlResult<'_> {
    /// The same JSON as by serde, written faster. Fails when it has more than `limit` bytes.
    pub(in crate::http) fn to_json(&self, limit: usize) -> serde_json::Result<Vec<u8>> {
        let mut json = Json::new(limit).with_room(FIRST_BYTES.min(limit));
        let Some(data) = self.data else {
            serde_json::to_writer(&mut json, self)?;
            return Ok(json.into_bytes());
        };
        json.push(b'{');
        if !self.errors.is_empty() {
            json.extend_from_slice(br#""errors":"#);
            serde_json::to_writer(&mut json, self.errors)?;
            json.push(b',');
        }
        json.extend_from_slice(br#""data":"#);
        write_data(data, &mut json)?;
        if !self.extensions.is_empty() {
            json.extend_from_slice(br#","extensions":"#);
            serde_json::to_writer(&mut json, self.extensions)?;
        }
        json.push(b'}');
        if json.is_cut() { Err(serde_json::Error::io(io::ErrorKind::WriteZero.into())) } else { Ok(json.into_bytes()) }
    }
}

/// Appends `content` as JSON. Fails when it has more than `limit` bytes.
pub(in crate::http) fn append_json(
    body: &mut Vec<u8>,
    content: &impl Serialize,
    limit: usize,
) -> serde_json::Result<()> {
    let mut json = Json::after(std::mem::take(body), limit);
    let written = serde_json::to_writer(&mut json, content);
    *body = json.into_bytes();
    written
}

/// Whether writing JSON failed because it has more bytes than it may have.
pub(in crate::http) fn is_too_large(error: &serde_json::Error) -> bool {
    error.is_io()
}

/// One result of a stream, either as a value or as JSON text.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in crate::http) enum Payload<'a> {
    Result(GraphqlResult<'a>),
    Json(&'a RawValue),
}

impl<'a> From<&'a ResultBody> for Payload<'a> {
    fn from(body: &'a ResultBody) -> Self {
        match body {
            ResultBody::Response(response) => Self::Result((&**response).into()),
            ResultBody::Json(json) => Self::Json(json),
        }
    }
}

/// Whether the request failed before execution: there is no data, and no error has a path.
pub(in crate::http) fn was_refused(response: &Response) -> bool {
    has_no_data(response) && response.errors.iter().all(|error| error.path.is_empty())
}

/// Whether a rate limit refused the whole request.
pub(in crate::http) fn was_rate_limited(response: &Response) -> bool {
    has_no_data(response) && response.errors.iter().all(|error| code(error) == "RATE_LIMITED")
}

/// Whether the response has only errors.
pub(in crate::http) fn has_no_data(response: &Response) -> bool {
    response.data == Value::Null && !response.errors.is_empty()
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    #[test]
    fn fast_json_equals_serde_json() {
        let mut failed = ServerError::new("\"no\"", None);
        failed.path.push(async_graphql::PathSegment::Index(1));
        let data = value!({ "a": [1, { "b\n": "\u{1}\"x" }, [], {}], "c": null, "d": true, "e": 1.5 });
        let with_extension = Response::new(data.clone()).extension("cost", value!(3));
        let mut partial = Response::new(value!({ "a": null }));
        partial.errors.push(failed.clone());
        for response in [
            Response::new(Value::Null),
            Response::new(data),
            with_extension,
            partial,
            Response::from_errors(vec![failed]),
            Response::from_errors(vec![ServerError::new("refused", None)]),
        ] {
            let result = GraphqlResult::from(&response);
            let by_serde = serde_json::to_string(&result).unwrap();
            assert_eq!(String::from_utf8(result.to_json(usize::MAX).unwrap()).unwrap(), by_serde);
        }
    }
}
