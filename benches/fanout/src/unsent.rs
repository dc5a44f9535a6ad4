//! Bytes that wait to be sent on a non-blocking connection.

use std::io::{self, ErrorKind, Write};

/// Bytes that could not be sent yet.
#[derive(Default)]
pub struct Unsent(Vec<u8>);

impl Unsent {
    /// Sends as much as the connection accepts, and keeps the rest.
    pub fn send(&mut self, stream: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        self.flush(stream)
    }

    /// Sends the bytes that are kept.
    pub fn flush(&mut self, stream: &mut impl Write) -> io::Result<()> {
        while !self.0.is_empty() {
            match stream.write(&self.0) {
                Ok(sent) => drop(self.0.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // Thousands of idle connections need no buffer.
        self.0 = Vec::new();
        Ok(())
    }
}
