//! JSON text, and strings in it.

/// Response key under which the executor reports the type of an object. No name of a document can be like it.
pub const TYPE_KEY: &str = ":type";

/// JSON text that is being written.
pub(crate) type Json = Vec<u8>;

/// Appends a quoted string.
pub(crate) fn write_text(text: &str, json: &mut Json) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(json, text);
}
