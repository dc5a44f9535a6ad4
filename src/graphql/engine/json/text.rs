//! JSON text, and strings in it.
//!
//! Decision: `docs/decisions/0021-what-a-client-may-hold.md`.

use std::io;

/// Response key under which the executor reports the type of an object. No name of a document can be like it.
pub const TYPE_KEY: &str = ":type";

/// JSON text that is being written, up to a limit. What would exceed the limit is left out: then the text is cut, and
/// of no use.
#[derive(Debug)]
pub struct Json {
    bytes: Vec<u8>,
    limit: usize,
    is_cut: bool,
}

impl Json {
    /// An empty text of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self::after(Vec::new(), limit)
    }

    /// Writes after these bytes, of which the limit does not count.
    pub fn after(bytes: Vec<u8>, limit: usize) -> Self {
        Self { limit: bytes.len().saturating_add(limit), bytes, is_cut: false }
    }

    /// Makes room for this many bytes.
    pub fn with_room(mut self, bytes: usize) -> Self {
        self.bytes.reserve(bytes);
        self
    }

    /// Whether something was left out.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes so far.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The number of bytes as a meter counts them: a text that is cut has one more than its limit.
    pub fn counted(&self) -> usize {
        if self.is_cut { self.limit.saturating_add(1) } else { self.bytes.len() }
    }

    /// Appends a byte.
    pub fn push(&mut self, byte: u8) {
        self.extend_from_slice(&[byte]);
    }

    /// Appends all of these bytes, or nothing from now on.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        if self.is_cut || bytes.len() > self.limit - self.bytes.len() {
            self.is_cut = true;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

impl io::Write for Json {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    /// Fails when the text is cut, so that whatever writes stops.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        if self.is_cut { Err(io::ErrorKind::WriteZero.into()) } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Appends a quoted string.
pub(crate) fn write_text(text: &str, json: &mut Json) {
    // Writing to memory fails only when the text is cut, which it remembers.
    let _ = serde_json::to_writer(json, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_limit_and_takes_nothing_after_it() {
        let mut json = Json::after(b"data: ".to_vec(), 9);
        write_text("abc", &mut json);
        assert!(!json.is_cut());
        write_text("a\"c", &mut json);
        assert!(json.is_cut());
        json.push(b'1');
        assert_eq!((json.bytes(), json.counted()), (br#"data: "abc""a\""#.as_slice(), 16));
    }
}
