//! Reads the lines of a file, in bounded memory.

use std::{
    io::{self, BufRead, BufReader, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::service::import::{ImportError, ImportSource};

const BUFFER: usize = 64 * 1024;
/// Bytes of the longest line: an order of tens of thousands of lines.
const LONGEST_LINE: usize = 32 * 1024 * 1024;
/// Bytes that are kept of a line that is longer.
const KEPT: usize = 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a file line by line.
pub(super) struct LineReader {
    name: String,
    content: BufReader<Box<dyn Read>>,
    line: Vec<u8>,
    number: u64,
    is_too_long: bool,
    consumed: Arc<AtomicU64>,
    length: u64,
}

impl LineReader {
    /// Opens the source.
    pub(super) fn open(source: &ImportSource) -> Result<Self, ImportError> {
        let opened = source.open()?;
        Ok(Self {
            name: source.to_string(),
            content: BufReader::with_capacity(BUFFER, opened.content),
            line: Vec::new(),
            number: 0,
            is_too_long: false,
            consumed: opened.consumed,
            length: opened.length,
        })
    }

    /// Advances to the next line that is not blank; false at the end.
    pub(super) fn advance(&mut self) -> Result<bool, ImportError> {
        loop {
            if !self.read_line().map_err(|cause| self.failed(cause))? {
                return Ok(false);
            }
            if !self.line.is_empty() {
                return Ok(true);
            }
        }
    }

    /// The current line without its line break and the blanks around it; the beginning of a line that is too long.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// The number of the current line in the decompressed file; the first line is 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether the current line is longer than a line may be.
    pub(super) fn is_too_long(&self) -> bool {
        self.is_too_long
    }

    /// Number of bytes of the source read so far, and in total.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.consumed.load(Ordering::Relaxed), self.length)
    }

    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        let mut limited = (&mut self.content).take(LONGEST_LINE as u64 + 1);
        if limited.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(false);
        }
        self.number += 1;
        self.is_too_long = self.line.len() > LONGEST_LINE && !self.line.ends_with(b"\n");
        if self.is_too_long {
            self.line.truncate(KEPT);
            self.line.shrink_to_fit();
            self.content.skip_until(b'\n')?;
        }
        if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        let blanks = self.line.len() - self.line.trim_ascii_start().len();
        self.line.drain(..blanks);
        self.line.truncate(self.line.trim_ascii_end().len());
        Ok(true)
    }

    fn failed(&self, cause: io::Error) -> ImportError {
        let name = self.name.clone();
        match cause.kind() {
            io::ErrorKind::UnexpectedEof => ImportError::CutOff(name),
            _ => ImportError::Read { name, cause },
        }
    }
}
