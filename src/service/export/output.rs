//! Where an export is written to.

use std::{
    fmt,
    fs::File,
    io::{self, BufWriter, Stdout, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use tempfile::NamedTempFile;

use super::ExportError;

const BUFFER: usize = 256 * 1024;

/// Where an export goes.
#[derive(Debug, Clone)]
pub enum ExportTarget {
    /// To standard output.
    Stdout,
    /// To a file, compressed with gzip if its name ends in `.gz`. An existing file is replaced when the export is complete.
    File(PathBuf),
}

impl fmt::Display for ExportTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// An output that is open.
pub(super) struct Output {
    target: ExportTarget,
    writer: BufWriter<Encoder>,
}

enum Encoder {
    Plain(Sink),
    Gzip(GzEncoder<Sink>),
}

enum Sink {
    Stdout(Stdout),
    /// A device or a pipe, which can't be replaced.
    Special(File),
    /// A file beside the one that it replaces. Exports hold personal data, so its owner alone can read it.
    New(NamedTempFile, PathBuf),
}

impl Output {
    /// Opens the output.
    pub(super) fn open(target: ExportTarget) -> Result<Self, ExportError> {
        match Encoder::open(&target) {
            Ok(encoder) => Ok(Self { target, writer: BufWriter::with_capacity(BUFFER, encoder) }),
            Err(cause) => Err(ExportError::Write { name: target.to_string(), cause }),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.writer.write_all(bytes).map_err(|cause| ExportError::Write { name: self.target.to_string(), cause })
    }

    /// Completes the output. A file is on disk when this returns.
    pub(super) fn finish(self) -> Result<(), ExportError> {
        let Self { target, writer } = self;
        let finished = writer.into_inner().map_err(io::IntoInnerError::into_error).and_then(Encoder::finish);
        finished.map_err(|cause| ExportError::Write { name: target.to_string(), cause })
    }
}

impl Encoder {
    fn open(target: &ExportTarget) -> io::Result<Self> {
        let ExportTarget::File(path) = target else { return Ok(Self::Plain(Sink::Stdout(io::stdout()))) };
        let sink = Sink::open(path)?;
        let is_gzip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        // An export is written once and read once or twice: time counts for more than size.
        Ok(if is_gzip { Self::Gzip(GzEncoder::new(sink, Compression::fast())) } else { Self::Plain(sink) })
    }

    fn finish(self) -> io::Result<()> {
        let sink = match self {
            Self::Plain(sink) => sink,
            Self::Gzip(encoder) => encoder.finish()?,
        };
        match sink {
            Sink::Stdout(mut stdout) => stdout.flush(),
            Sink::Special(mut file) => file.flush(),
            Sink::New(file, path) => {
                file.as_file().sync_all()?;
                file.persist(path).map(drop).map_err(|error| error.error)
            }
        }
    }
}

impl Sink {
    fn open(path: &Path) -> io::Result<Self> {
        if path.metadata().is_ok_and(|found| !found.is_file()) {
            return Ok(Self::Special(File::options().write(true).open(path)?));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self::New(NamedTempFile::new_in(folder)?, path.to_owned()))
    }
}

impl Write for Encoder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(sink) => sink.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(sink) => sink.flush(),
            Self::Gzip(encoder) => encoder.flush(),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::Special(file) => file.write(bytes),
            Self::New(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::Special(file) => file.flush(),
            Self::New(file, _) => file.flush(),
        }
    }
}
