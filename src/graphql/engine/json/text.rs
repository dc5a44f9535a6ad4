//! JSON text, and strings in it.

/// JSON text that is being written.
pub(crate) type Json = Vec<u8>;

/// Appends a quoted string.
pub(crate) fn write_text(text: &str, json: &mut Json) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(json, text);
}
