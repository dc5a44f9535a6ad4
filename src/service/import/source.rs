//! The source of an import: bytes that can be read more than once, gzip-compressed or not.

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

/// A file to import. Compression is detected from the content, not from the name.
#[derive(Debug, Clone)]
pub enum ImportSource {
    /// A regular file at this path.
    File(PathBuf),
    /// A file that is built into the binary.
    Bundled {
        /// Name of the source in messages.
        name: &'static str,
        /// Content, compressed or not.
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

/// A source that is open for reading.
pub(super) struct OpenedSource {
    /// Reader of the decompressed content.
    pub content: Box<dyn Read>,
    /// Number of bytes of the source read so far, before decompression.
    pub consumed: Arc<AtomicU64>,
    /// Size of the source in bytes, before decompression.
    pub length: u64,
}

impl ImportSource {
    /// Opens the source at its beginning.
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
