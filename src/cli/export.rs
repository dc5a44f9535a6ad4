//! `orderwire export`: writes everything of a kind as lines of JSON.

use std::{
    cell::Cell,
    io::{self, BufWriter, Write},
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};

use super::{Failure, Settings, settings};
use crate::service::{ExportKind, export};

/// How often the progress is shown.
const SHOWN_EVERY: Duration = Duration::from_secs(3);
const BUFFER: usize = 256 * 1024;

/// What can be exported.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Products,
    Orders,
    Users,
    Tasks,
}

impl From<Kind> for ExportKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Products => Self::Products,
            Kind::Orders => Self::Orders,
            Kind::Users => Self::Users,
            Kind::Tasks => Self::Tasks,
        }
    }
}

/// The form of an export.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A line of JSON for each entity.
    Jsonl,
}

/// Arguments of `export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// What to export.
    kind: Kind,
    /// The form of the export.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Export the hashes of passwords with users. Keep such a file as secret as the database.
    #[arg(long)]
    with_password_hashes: bool,
}

/// Writes the lines to stdout, and then the cursor of the moment that they show to stderr.
pub(super) async fn run(settings: Settings, args: ExportArgs) -> Result<(), Failure> {
    let ExportArgs { kind, format: Format::Jsonl, with_password_hashes } = args;
    let config = settings.load()?;
    settings::start_log(&config);
    settings::refuse_missing(&config.database.url)?;
    let store = crate::app::open_store(&config).await?;
    let shown = Cell::new(Instant::now());
    let progress = |lines: u64| {
        if shown.get().elapsed() >= SHOWN_EVERY {
            shown.set(Instant::now());
            // A closed stderr must not stop the export.
            let _ = writeln!(io::stderr(), "{lines} lines");
        }
    };
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout());
    let exported = export::export(store.clone(), kind.into(), with_password_hashes, &mut out, progress).await;
    store.close().await;
    let export::ExportSummary { lines, cursor } = exported.map_err(|error| Failure::new(&error.to_string()))?;
    let _ = writeln!(io::stderr(), "{lines} lines\ncursor: {cursor}");
    Ok(())
}
