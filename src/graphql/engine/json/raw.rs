//! Values that are JSON text inside a result.

use async_graphql::{Name, ServerResult, Value, indexmap::IndexMap};
use async_graphql_value::RAW_VALUE_TOKEN;

use super::text::{Json, write_text};
use crate::graphql::engine::error::ApiError;

/// Makes a value of JSON text, which is serialised as it is. Fails with INTERNAL when the text is not UTF-8.
pub(crate) fn raw_value(json: Json) -> ServerResult<Value> {
    let text = String::from_utf8(json.into_bytes()).map_err(|error| ApiError::internal(&error).into_server_error())?;
    Ok(Value::Object(IndexMap::from([(Name::new(RAW_VALUE_TOKEN), Value::String(text))])))
}

/// Appends a result's data as JSON, until the text is cut. Values that are JSON text already are copied.
pub fn write_data(value: &Value, json: &mut Json) -> serde_json::Result<()> {
    if json.is_cut() {
        return Ok(());
    }
    match value {
        Value::List(values) => {
            json.push(b'[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    json.push(b',');
                }
                write_data(value, json)?;
            }
            json.push(b']');
        }
        Value::Object(fields) => match fields.get(RAW_VALUE_TOKEN) {
            Some(Value::String(text)) => json.extend_from_slice(text.as_bytes()),
            _ => {
                json.push(b'{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        json.push(b',');
                    }
                    write_text(name, json);
                    json.push(b':');
                    write_data(value, json)?;
                }
                json.push(b'}');
            }
        },
        leaf => serde_json::to_writer(json, leaf)?,
    }
    Ok(())
}

/// Whether this object is JSON text made by [`raw_value`].
pub(crate) fn is_raw(fields: &IndexMap<Name, Value>) -> bool {
    fields.len() == 1 && fields.contains_key(RAW_VALUE_TOKEN)
}
