//! The thread that reads a file and sends its entities to be stored.

use std::borrow::Cow;

use csv::ByteRecord;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::{batch::Batch, lines::LineReader};
use crate::service::{
    import::{
        ImportError, ImportSource,
        rejects::{RejectReason, RejectsWriter},
    },
    jsonl::{self, Line},
};

const TOO_LONG: RejectReason = Cow::Borrowed("longer than 32 MiB");
const WRONG_END: RejectReason =
    Cow::Borrowed("the number of lines before is another one: lines are missing or were added");

/// What a file has.
#[derive(Debug, Default)]
pub(super) struct FileRead {
    /// Number of lines, without blank ones and those that end an export.
    pub(super) lines: u64,
    /// Whether the file ends with the line that ends an export.
    pub(super) has_end: bool,
}

/// Reads the whole file and sends its entities. Returns early, without an error, if the receiver is gone. What was read before
/// an error is sent.
pub(super) fn read(
    source: &ImportSource,
    rejects: &Mutex<RejectsWriter>,
    batches: &mpsc::Sender<Batch>,
) -> Result<FileRead, ImportError> {
    let mut lines = LineReader::open(source)?;
    let name = source.to_string();
    let (mut file, mut batch, mut since_end) = (FileRead::default(), Batch::default(), 0);
    let outcome = loop {
        match lines.advance() {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
        let parsed = if lines.is_too_long() { Err(TOO_LONG) } else { jsonl::parse(lines.line()) };
        let before = since_end;
        file.has_end = matches!(parsed, Ok(Line::End(_)));
        since_end = if file.has_end { 0 } else { before + 1 };
        let parsed = match parsed {
            Ok(Line::End(end)) if end.end.lines == before => continue,
            Ok(Line::End(_)) => Err(WRONG_END),
            parsed => parsed,
        };
        file.lines += 1;
        match parsed {
            Ok(parsed) => batch.push(lines.number(), parsed, lines.line().len()),
            Err(reason) => {
                let record = ByteRecord::from(vec![name.as_bytes(), lines.line()]);
                rejects.lock().add(reason, lines.number(), &record)?;
            }
        }
        if batch.is_full() {
            batch.progress = lines.progress();
            if batches.blocking_send(std::mem::take(&mut batch)).is_err() {
                return Ok(file);
            }
        }
    };
    batch.progress = lines.progress();
    // The receiver is gone only if the import was abandoned.
    let _ = batches.blocking_send(batch);
    outcome?;
    if lines.number() == 0 { Err(ImportError::Empty(name)) } else { Ok(file) }
}
