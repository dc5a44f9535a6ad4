//! Rejected records: counts them by reason, and writes them to a file if one is given.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use csv::{ByteRecord, Writer, WriterBuilder};

use super::{ImportError, ImportSource};
use crate::domain::text::TextFault;

/// Why a record is rejected: a few words that do not quote the record.
pub type RejectReason = Cow<'static, str>;

/// Number of rejected records for each reason.
pub type RejectCounts = BTreeMap<RejectReason, u64>;

/// The record has more or fewer fields than the header.
pub(super) const WRONG_FIELD_COUNT: RejectReason = Cow::Borrowed("wrong number of fields");
/// A field holds bytes that are not text.
pub(super) const NOT_UTF8: RejectReason = Cow::Borrowed("not UTF-8");

/// The rule of the API that the text in this column breaks.
pub(super) fn broken_rule(column: &str, fault: TextFault) -> RejectReason {
    format!("{column} {fault}").into()
}

/// How many reasons are told apart; a reason may name what a record should not have.
const MOST_REASONS: usize = 100;
const OTHER_REASONS: RejectReason = Cow::Borrowed("other reasons");

const BUFFER: usize = 64 * 1024;

/// Counts rejected records and writes them to the rejects file.
pub(super) struct RejectsWriter {
    file: Option<(PathBuf, Writer<File>)>,
    counts: RejectCounts,
}

impl RejectsWriter {
    /// Creates the rejects file if `path` is given. Its columns are `line`, `reason` and those of the sources.
    pub fn create(path: Option<&Path>, sources: &[ImportSource], header: &[&str]) -> Result<Self, ImportError> {
        let Some(path) = path else { return Ok(Self { file: None, counts: RejectCounts::new() }) };
        for source in sources {
            if let ImportSource::File(imported) = source
                && let (Ok(imported), Ok(rejects)) = (imported.canonicalize(), path.canonicalize())
                && imported == rejects
            {
                return Err(ImportError::RejectsAreSource(path.to_owned()));
            }
        }
        let failed = |cause| ImportError::Rejects { path: path.to_owned(), cause };
        let file = File::create(path).map_err(failed)?;
        let mut writer = WriterBuilder::new().flexible(true).buffer_capacity(BUFFER).from_writer(file);
        writer.write_record(["line", "reason"].iter().chain(header)).map_err(io::Error::from).map_err(failed)?;
        Ok(Self { file: Some((path.to_owned(), writer)), counts: RejectCounts::new() })
    }

    /// Rejects the record that starts at `line`.
    pub fn add(&mut self, reason: RejectReason, line: u64, record: &ByteRecord) -> Result<(), ImportError> {
        if let Some((path, writer)) = &mut self.file {
            let line = line.to_string();
            let fields = [line.as_bytes(), reason.as_bytes()];
            writer
                .write_record(fields.into_iter().chain(record))
                .map_err(|error| ImportError::Rejects { path: path.clone(), cause: error.into() })?;
        }
        let is_counted = self.counts.contains_key(&reason) || self.counts.len() < MOST_REASONS;
        *self.counts.entry(if is_counted { reason } else { OTHER_REASONS }).or_default() += 1;
        Ok(())
    }

    /// Flushes the file and returns the counts by reason.
    pub fn finish(&mut self) -> Result<RejectCounts, ImportError> {
        if let Some((path, writer)) = &mut self.file {
            writer.flush().map_err(|cause| ImportError::Rejects { path: path.clone(), cause })?;
        }
        Ok(std::mem::take(&mut self.counts))
    }
}
