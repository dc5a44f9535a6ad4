//! The records that are not imported: counted by reason, and written to a file if there is one.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use csv::{ByteRecord, Writer, WriterBuilder};

use super::{ImportError, ImportSource};

/// Why a record is not imported: a few words without the record's own data.
pub type RejectReason = &'static str;

/// How many records were rejected for which reason.
pub type RejectCounts = BTreeMap<RejectReason, u64>;

/// The record has more or fewer fields than the header.
pub(super) const WRONG_FIELD_COUNT: RejectReason = "wrong number of fields";
/// A field holds bytes that are not text.
pub(super) const NOT_UTF8: RejectReason = "not UTF-8";

const BUFFER: usize = 64 * 1024;

/// Where rejected records go.
pub(super) struct RejectsWriter {
    file: Option<(PathBuf, Writer<File>)>,
    counts: RejectCounts,
}

impl RejectsWriter {
    /// Creates the file, if one is wanted: `line`, `reason` and the columns of the source.
    pub fn create(path: Option<&Path>, source: &ImportSource, header: &[&str]) -> Result<Self, ImportError> {
        let Some(path) = path else { return Ok(Self { file: None, counts: RejectCounts::new() }) };
        if let ImportSource::File(imported) = source
            && let (Ok(imported), Ok(rejects)) = (imported.canonicalize(), path.canonicalize())
            && imported == rejects
        {
            return Err(ImportError::RejectsAreSource(path.to_owned()));
        }
        let failed = |cause| ImportError::Rejects { path: path.to_owned(), cause };
        let file = File::create(path).map_err(failed)?;
        let mut writer = WriterBuilder::new().flexible(true).buffer_capacity(BUFFER).from_writer(file);
        writer.write_record(["line", "reason"].iter().chain(header)).map_err(io::Error::from).map_err(failed)?;
        Ok(Self { file: Some((path.to_owned(), writer)), counts: RejectCounts::new() })
    }

    /// Rejects the record that starts at `line`.
    pub fn add(&mut self, reason: RejectReason, line: u64, record: &ByteRecord) -> Result<(), ImportError> {
        *self.counts.entry(reason).or_default() += 1;
        let Some((path, writer)) = &mut self.file else { return Ok(()) };
        let line = line.to_string();
        let fields = [line.as_bytes(), reason.as_bytes()];
        writer
            .write_record(fields.into_iter().chain(record))
            .map_err(|error| ImportError::Rejects { path: path.clone(), cause: error.into() })
    }

    /// Completes the file; the counts by reason.
    pub fn finish(mut self) -> Result<RejectCounts, ImportError> {
        if let Some((path, writer)) = &mut self.file {
            writer.flush().map_err(|cause| ImportError::Rejects { path: path.clone(), cause })?;
        }
        Ok(self.counts)
    }
}
