//! The JSON object that wraps every message.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::message::{ClientMessage, InvalidMessage};
use crate::{
    graphql::OperationRequest,
    http::{
        authorization::is_blank,
        graphql::params::{self, without_bom},
    },
};

/// Maximum length of an operation id, in bytes. Every result repeats it.
pub(super) const MAX_ID: usize = 256;

#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, InvalidMessage> {
        let text = without_bom(text);
        if !text.trim_start().starts_with('{') {
            return Err("Message is not a JSON object".into());
        }
        serde_json::from_str(text).map_err(|error| format!("Message is not valid: {error}").into())
    }

    pub(super) fn id(&self) -> Result<String, InvalidMessage> {
        let kind = &self.kind;
        match self.id.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok()) {
            Some(id) if id.is_empty() => Err(format!("\"{kind}\" message requires a non-empty 'id' property").into()),
            Some(id) if id.len() > MAX_ID => Err(format!("The 'id' property is longer than {MAX_ID} bytes").into()),
            Some(id) => Ok(id),
            None => Err(format!("\"{kind}\" message expects the 'id' property to be a string").into()),
        }
    }

    /// The payload, if there is one. Fails when it is not an object.
    pub(super) fn object(&self) -> Result<Option<&'a RawValue>, InvalidMessage> {
        match self.payload {
            Some(raw) if !raw.get().starts_with('{') => Err(self.expects_object()),
            payload => Ok(payload),
        }
    }

    /// Reads the message that starts an operation.
    pub(super) fn operation(&self) -> Result<ClientMessage, InvalidMessage> {
        let id = self.id()?;
        match self.request() {
            Ok(request) => Ok(ClientMessage::Subscribe { id, request: Box::new(request) }),
            Err(invalid) => Err(InvalidMessage { id: Some(id), ..invalid }),
        }
    }

    fn request(&self) -> Result<OperationRequest, InvalidMessage> {
        let payload = self.object()?.ok_or_else(|| self.expects_object())?;
        params::from_json(payload.get()).map_err(|params::InvalidParams(message)| message.into())
    }

    fn expects_object(&self) -> InvalidMessage {
        format!("\"{}\" message expects the 'payload' property to be an object", self.kind).into()
    }

    /// The member `authorization` of the payload or of `headers` in it; its name is case-insensitive. A member that is
    /// null or blank counts as absent.
    pub(super) fn authorization(&self) -> Result<Option<String>, InvalidMessage> {
        let Some(payload) = self.object()? else { return Ok(None) };
        if let Some(value) = authorization_in(payload)? {
            return Ok(Some(value));
        }
        for headers in members(payload, "headers")?.into_iter().filter(|headers| headers.get().starts_with('{')) {
            if let Some(value) = authorization_in(headers)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

fn authorization_in(object: &RawValue) -> Result<Option<String>, InvalidMessage> {
    for value in members(object, "authorization")?.into_iter().filter(|value| value.get() != "null") {
        let text: String =
            serde_json::from_str(value.get()).map_err(|_| "'authorization' in the payload must be a string")?;
        if !is_blank(&text) {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// The members of an object with this name in any case.
fn members<'a>(object: &'a RawValue, name: &str) -> Result<Vec<&'a RawValue>, InvalidMessage> {
    let members: BTreeMap<Cow<'a, str>, &'a RawValue> =
        serde_json::from_str(object.get()).map_err(|error| format!("The payload is not valid: {error}"))?;
    Ok(members.into_iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect())
}
