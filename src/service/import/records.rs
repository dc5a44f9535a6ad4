//! Reads the records of a CSV file with a known header, in bounded memory, with the line on which each one starts.

use std::{
    collections::VecDeque,
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::{ImportError, ImportSource};

const BUFFER: usize = 64 * 1024;
const LONGEST_RECORD: u64 = 4 * 1024 * 1024;
const LONGEST_SHOWN: usize = 100;

/// Reads the records after the header. They may have any number of fields and need not be UTF-8.
pub(super) struct RecordReader {
    name: String,
    reader: Reader<LineTracker>,
    record: ByteRecord,
    line: u64,
    consumed: Arc<AtomicU64>,
    length: u64,
}

impl RecordReader {
    /// Opens the source; fails unless its first record is `header`.
    pub fn open(source: &ImportSource, header: &[&str]) -> Result<Self, ImportError> {
        let opened = source.open()?;
        let mut records = Self {
            name: source.to_string(),
            reader: ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .buffer_capacity(BUFFER)
                .from_reader(LineTracker::new(opened.content)),
            record: ByteRecord::new(),
            line: 1,
            consumed: opened.consumed,
            length: opened.length,
        };
        if !records.advance()? {
            return Err(ImportError::Empty(records.name));
        }
        if records.record != *header {
            let found = records.record.iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(",");
            return Err(ImportError::Header {
                name: records.name,
                // The file may hold anything, so escape it before it reaches a terminal.
                found: found.escape_debug().take(LONGEST_SHOWN).collect(),
                expected: header.join(","),
            });
        }
        Ok(records)
    }

    /// Advances to the next record; false at the end.
    pub fn advance(&mut self) -> Result<bool, ImportError> {
        let start = self.reader.position().byte();
        self.reader.get_mut().limit = start + LONGEST_RECORD;
        let more = self.reader.read_byte_record(&mut self.record).map_err(|error| self.failed(error))?;
        self.line = self.reader.get_mut().line_at(start);
        Ok(more)
    }

    /// The current record.
    pub fn record(&self) -> &ByteRecord {
        &self.record
    }

    /// The line on which the record starts in the decompressed file; the first line is 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Number of bytes of the source read so far, and in total.
    pub fn progress(&self) -> (u64, u64) {
        (self.consumed.load(Ordering::Relaxed), self.length)
    }

    fn failed(&self, error: csv::Error) -> ImportError {
        let name = self.name.clone();
        if self.reader.get_ref().over_limit {
            return ImportError::RecordTooLong { name, line: self.line + 1 };
        }
        match error.into_kind() {
            csv::ErrorKind::Io(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => ImportError::CutOff(name),
            csv::ErrorKind::Io(cause) => ImportError::Read { name, cause },
            other => ImportError::Read { name, cause: io::Error::other(format!("{other:?}")) },
        }
    }
}

/// A reader that records where lines end, and fails past a limit so that a record cannot exhaust memory.
///
/// The CSV reader's own line numbers are those of the line terminator before the record in files with CRLF or with
/// blank lines.
struct LineTracker {
    inner: Box<dyn Read>,
    passed: u64,
    limit: u64,
    over_limit: bool,
    ahead: VecDeque<(u64, u8)>,
    lines: u64,
}

impl LineTracker {
    fn new(inner: Box<dyn Read>) -> Self {
        Self { inner, passed: 0, limit: 0, over_limit: false, ahead: VecDeque::new(), lines: 0 }
    }

    /// The line of the first byte at or after `offset` that is not a line terminator. Offsets must not decrease.
    fn line_at(&mut self, mut offset: u64) -> u64 {
        while let Some(&(at, byte)) = self.ahead.front().filter(|(at, _)| *at <= offset) {
            if at == offset {
                offset += 1;
            }
            self.lines += u64::from(byte == b'\n');
            self.ahead.pop_front();
        }
        self.lines + 1
    }
}

impl Read for LineTracker {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.passed > self.limit {
            self.over_limit = true;
            return Err(io::Error::other("record too long"));
        }
        let read = self.inner.read(buffer)?;
        for (at, byte) in (self.passed..).zip(&buffer[..read]) {
            if matches!(byte, b'\n' | b'\r') {
                self.ahead.push_back((at, *byte));
            }
        }
        self.passed += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &'static [u8]) -> Vec<(u64, Vec<String>)> {
        let mut records = RecordReader::open(&ImportSource::Bundled { name: "test", bytes }, &["a", "b"]).unwrap();
        let mut found = Vec::new();
        while records.advance().unwrap() {
            let fields = records.record().iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect();
            found.push((records.line(), fields));
        }
        found
    }

    #[test]
    fn records_have_the_line_numbers_of_the_file() {
        let starts = |bytes| lines(bytes).iter().map(|(line, _)| *line).collect::<Vec<_>>();
        assert_eq!(starts(b"a,b\n1,2\n\n\"x\n\ny\",4\n5,6"), [2, 4, 7]);
        assert_eq!(starts(b"a,b\r\n1,2\r\n\r\n\"x\r\n\r\ny\",4\r\n5,6\r\n"), [2, 4, 7]);
        assert_eq!(starts(b"\xef\xbb\xbfa,b\n1,2\n3\n4,5,6\n"), [2, 3, 4]);
    }

    #[test]
    fn line_breaks_inside_fields_are_kept() {
        assert_eq!(lines(b"a,b\n\"x\r\ny\",\"\"\"z\"\n")[0].1, ["x\r\ny", "\"z"]);
    }
}
