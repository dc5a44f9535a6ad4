//! What is imported: bytes that can be read more than once, gzip-compressed or not.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;

use super::ImportError;

const BUFFER: usize = 64 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A file to import. Compression is told by the content, not by the name.
#[derive(Debug, Clone)]
pub enum ImportSource {
    /// A regular file.
    File(PathBuf),
    /// A file that is part of the program.
    Bundled {
        /// What to call it in messages.
        name: &'static str,
        /// Its content.
        bytes: &'static [u8],
    },
}

impl fmt::Display for ImportSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Bundled { name, .. } => f.write_str(name),
        }
    }
}

/// A source being read from its beginning.
pub(super) struct OpenedSource {
    /// The uncompressed content.
    pub content: Box<dyn Read>,
    /// How many bytes of the source were read so far, as they lie there.
    pub consumed: Arc<AtomicU64>,
    /// How many bytes of the source there are, as they lie there.
    pub length: u64,
}

impl ImportSource {
    /// Starts reading from the beginning.
    pub(super) fn open(&self) -> Result<OpenedSource, ImportError> {
        let failed = |cause| ImportError::Read { name: self.to_string(), cause };
        match self {
            Self::Bundled { bytes, .. } => opened(*bytes, bytes.len() as u64).map_err(failed),
            Self::File(path) => {
                let metadata = std::fs::metadata(path).map_err(failed)?;
                if !metadata.is_file() {
                    return Err(ImportError::NotAFile(self.to_string()));
                }
                opened(File::open(path).map_err(failed)?, metadata.len()).map_err(failed)
            }
        }
    }
}

fn opened(raw: impl Read + 'static, length: u64) -> io::Result<OpenedSource> {
    let consumed = Arc::new(AtomicU64::new(0));
    let mut buffered = BufReader::with_capacity(BUFFER, CountingReader { inner: raw, count: Arc::clone(&consumed) });
    let content: Box<dyn Read> = if buffered.fill_buf()?.starts_with(&GZIP_MAGIC) {
        Box::new(MultiGzDecoder::new(buffered))
    } else {
        Box::new(buffered)
    };
    Ok(OpenedSource { content, consumed, length })
}

struct CountingReader<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
