//! Parses the parameters of a GraphQL request from JSON or from a URL.

use std::borrow::Cow;

use axum::{extract::Query, http::Uri};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{graphql::OperationRequest, http::error::HttpError};

/// Why the parameters are invalid, as a message for the client.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct InvalidParams(pub(in crate::http) Cow<'static, str>);

impl InvalidParams {
    fn wrong_type(name: &str, expected: &str) -> Self {
        Self(format!("`{name}` must be {expected}.").into())
    }
}

impl From<InvalidParams> for HttpError {
    fn from(InvalidParams(message): InvalidParams) -> Self {
        Self::bad_request(message)
    }
}

/// Unparsed parameters, each as JSON text. `null` counts as absent; unknown names are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters<'a> {
    #[serde(borrow)]
    query: Option<&'a RawValue>,
    document_id: Option<&'a RawValue>,
    operation_name: Option<&'a RawValue>,
    variables: Option<&'a RawValue>,
    extensions: Option<&'a RawValue>,
}

/// The text after a byte order mark, which some clients put before JSON (RFC 8259, section 8.1).
pub(in crate::http) fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Parses a JSON object.
pub(in crate::http) fn from_json(text: &str) -> Result<OperationRequest, InvalidParams> {
    match text.trim_start().bytes().next() {
        Some(b'{') => {}
        Some(b'[') => return Err(InvalidParams("Batches are not supported: send one operation per request.".into())),
        None => return Err(InvalidParams("The request is empty: send a JSON object with `query`.".into())),
        Some(_) if serde_json::from_str::<&RawValue>(text).is_ok() => {
            return Err(InvalidParams("The request must be a JSON object with `query`.".into()));
        }
        Some(_) => {}
    }
    let parameters: Parameters<'_> = serde_json::from_str(text)
        .map_err(|error| InvalidParams(format!("The request is not valid JSON: {error}.").into()))?;
    let string = |name, value: Option<&RawValue>| -> Result<Option<String>, InvalidParams> {
        value
            .map(|raw| serde_json::from_str(raw.get()).map_err(|_| InvalidParams::wrong_type(name, "a string")))
            .transpose()
    };
    build(
        string("query", parameters.query)?,
        string("documentId", parameters.document_id)?,
        string("operationName", parameters.operation_name)?,
        parameters.variables.map(RawValue::get),
        parameters.extensions.map(RawValue::get),
    )
}

/// Parses the query of a URL, in which `variables` and `extensions` are JSON text.
pub(in crate::http) fn from_uri(uri: &Uri) -> Result<OperationRequest, InvalidParams> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| InvalidParams("The URL's query is not form-encoded.".into()))?;
    const NAMES: [&str; 5] = ["query", "documentId", "operationName", "variables", "extensions"];
    let mut parameters: [Option<String>; 5] = Default::default();
    for (name, value) in pairs {
        let Some(index) = NAMES.iter().position(|known| *known == name) else { continue };
        if parameters[index].replace(value).is_some() {
            return Err(InvalidParams(format!("`{name}` is given twice.").into()));
        }
    }
    let [query, document_id, operation_name, variables, extensions] =
        parameters.map(|value| value.filter(|text| !text.is_empty()));
    let not_null =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| *text != "null").map(Into::into);
    let (variables, extensions): (Option<String>, Option<String>) = (not_null(&variables), not_null(&extensions));
    build(query, document_id, operation_name, variables.as_deref(), extensions.as_deref())
}

/// The `ticket` parameter of a URL.
pub(in crate::http) fn ticket(uri: &Uri) -> Result<Option<String>, InvalidParams> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| InvalidParams("The URL's query is not form-encoded.".into()))?;
    let mut tickets = pairs.into_iter().filter(|(name, _)| name == "ticket").map(|(_, value)| value);
    let first = tickets.next();
    if tickets.next().is_some() {
        return Err(InvalidParams("`ticket` is given twice.".into()));
    }
    Ok(first)
}

fn build(
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<&str>,
    extensions: Option<&str>,
) -> Result<OperationRequest, InvalidParams> {
    let mut request = OperationRequest { query, document_id, ..OperationRequest::default() };
    request.operation_name = operation_name.filter(|name| !name.is_empty());
    if let Some(text) = variables {
        request.variables = object("variables", text)?;
    }
    if let Some(text) = extensions {
        request.extensions = object("extensions", text)?;
    }
    if request.query.is_none() && !request.names_document() {
        return Err(InvalidParams("`query` is missing: it holds the GraphQL document, as a string.".into()));
    }
    Ok(request)
}

fn object<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, InvalidParams> {
    if !text.starts_with('{') {
        return Err(InvalidParams::wrong_type(name, "an object"));
    }
    serde_json::from_str(text).map_err(|error| InvalidParams(format!("`{name}` is not valid JSON: {error}.").into()))
}
