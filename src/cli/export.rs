//! `orderwire export`: writes entities as lines of JSON and shows the progress.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};

use super::{
    Failure, Settings,
    numbers::{rate_line, thousands},
    progress::ProgressDisplay,
    settings,
};
use crate::service::export::{ExportKind, ExportSummary, ExportTarget, Exporter};

/// Arguments of `export`.
#[derive(Debug, Clone, Args)]
pub(super) struct ExportArgs {
    /// What to export. All of it is of the same moment.
    #[arg(required = true, value_enum)]
    kinds: Vec<Kind>,
    /// The form of the export.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Write to this file instead of standard output, compressed with gzip if its name ends in .gz. An existing file is
    /// replaced when the export is complete.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What can be exported, as the command line names it.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Users with their metadata, without passwords.
    Users,
    /// Products with their stock and metadata.
    Products,
    /// Orders with their lines, history and metadata.
    Orders,
    /// Tasks with their metadata.
    Tasks,
}

/// The forms of an export.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Lines of JSON, which `orderwire import jsonl` reads.
    Jsonl,
}

impl From<Kind> for ExportKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Users => Self::Users,
            Kind::Products => Self::Products,
            Kind::Orders => Self::Orders,
            Kind::Tasks => Self::Tasks,
        }
    }
}

pub(super) async fn run(settings: Settings, args: ExportArgs) -> Result<(), Failure> {
    let config = settings.load()?;
    settings::start_log(&config);
    settings::refuse_missing(&config.database.url)?;
    let Format::Jsonl = args.format;
    let kinds: BTreeSet<ExportKind> = args.kinds.into_iter().map(ExportKind::from).collect();
    let target = args.output.map_or(ExportTarget::Stdout, ExportTarget::File);
    let store = crate::app::open_store(&config).await?;
    let (started, progress) = (Instant::now(), Arc::new(ProgressDisplay::new()));
    let result = Exporter::new(store.clone()).export(&kinds, target, progress.clone()).await;
    progress.finish();
    store.close().await;
    report(&kinds, &result?, started.elapsed());
    Ok(())
}

/// Prints the summary on standard error, because standard output may be the export.
fn report(kinds: &BTreeSet<ExportKind>, summary: &ExportSummary, elapsed: Duration) {
    let exported = summary.exported;
    let mut lines = Vec::new();
    for kind in kinds {
        match kind {
            ExportKind::Users => lines.push(("users", exported.users)),
            ExportKind::Products => lines.push(("products", exported.products)),
            ExportKind::Orders => lines.extend([("orders", exported.orders), ("items", exported.items)]),
            ExportKind::Tasks => lines.push(("tasks", exported.tasks)),
        }
    }
    let mut text = String::new();
    for (what, count) in lines {
        text.push_str(&format!("{what:<9} {:>9}\n", thousands(count)));
    }
    text.push_str(&format!("cursor    {}\n{}\n", summary.cursor, rate_line("lines", exported.lines(), elapsed)));
    // The export is complete, and has the cursor: if standard error is closed, nothing is lost.
    let _ = io::stderr().write_all(text.as_bytes());
}
