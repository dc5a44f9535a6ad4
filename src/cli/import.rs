//! `orderwire import`: imports a data set into the database and shows the progress.

use std::{
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use clap::{Args, Subcommand};

use super::{
    numbers::{rate_line, thousands},
    progress::ProgressDisplay,
};
use crate::service::import::{Counts, ImportError, ImportSource, Importer, RejectCounts, jira, jsonl, online_retail};

/// The data sets that can be imported.
#[derive(Debug, Clone, Subcommand)]
pub enum ImportCommand {
    /// Products, users and orders from the UCI "Online Retail" data set (CSV, compressed with gzip or not).
    ///
    /// Running it again changes nothing, and completes an import that was cut off.
    OnlineRetail(OnlineRetailArgs),
    /// Tasks from the issues of a Jira project in the form of the GitBugs data sets (CSV, compressed with gzip or not).
    ///
    /// Running it again changes nothing, and completes an import that was cut off.
    Jira(JiraArgs),
    /// Users, products, orders and tasks that `orderwire export` has written as lines of JSON, compressed with gzip or not.
    ///
    /// They keep their ids, versions and times; users get no password. What is stored already stays as it is. Running it again
    /// changes nothing, and completes an import that was cut off.
    Jsonl(JsonlArgs),
}

/// Arguments of `import online-retail`.
#[derive(Debug, Clone, Args)]
pub struct OnlineRetailArgs {
    /// The data set, with columns InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country.
    pub file: PathBuf,
    /// Stock of each new product, in units.
    #[arg(long, allow_negative_numbers = true, default_value_t = online_retail::OnlineRetailOptions::DEFAULT_STOCK, value_parser = clap::value_parser!(i32).range(0..))]
    pub stock: i32,
    /// Write rejected rows to this CSV file, with their line and the reason. An existing file is overwritten.
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
}

/// Arguments of `import jira`.
#[derive(Debug, Clone, Args)]
pub struct JiraArgs {
    /// The data set, with columns Summary,Issue id,Status,Priority,Resolution,Created,Resolved,…,Description.
    pub file: PathBuf,
    /// E-mail address of the user who is recorded as the creator of the tasks.
    #[arg(long, value_name = "EMAIL")]
    pub created_by: String,
    /// Write rejected issues to this CSV file, with their line and the reason. An existing file is overwritten.
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
}

/// Arguments of `import jsonl`.
#[derive(Debug, Clone, Args)]
pub struct JsonlArgs {
    /// The files, in any order.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Write rejected lines to this CSV file, with their line, the reason and the file. An existing file is overwritten.
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
}

/// Why `import` failed.
#[derive(Debug, thiserror::Error)]
pub enum ImportFailure {
    /// The import stopped before its end.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The others were imported.
    #[error("{0} lines were rejected; the others are stored")]
    Rejected(u64),
    /// The summary could not be written.
    #[error("cannot write the summary: {0}")]
    Output(#[from] io::Error),
}

/// Imports the file, shows the progress on stderr and prints a summary on stdout.
pub async fn run(command: ImportCommand, importer: &Importer) -> Result<(), ImportFailure> {
    let started = Instant::now();
    let progress = Arc::new(ProgressDisplay::new());
    let mut out = Vec::new();
    let mut outcome = Ok(());
    match command {
        ImportCommand::OnlineRetail(args) => {
            let options = online_retail::OnlineRetailOptions {
                stock: args.stock,
                rejects: args.rejects.clone(),
                ..online_retail::OnlineRetailOptions::default()
            };
            let source = ImportSource::File(args.file);
            let summary = importer.online_retail(&source, options, progress.clone()).await;
            progress.finish();
            let summary = summary?;
            write_count(&mut out, "products", summary.products)?;
            write_count(&mut out, "users", summary.users)?;
            write_count(&mut out, "orders", summary.orders)?;
            write_count(&mut out, "items", summary.items)?;
            write_rejected(&mut out, &summary.rejected, args.rejects)?;
            writeln!(out, "{}", rate_line("rows", summary.rows, started.elapsed()))?;
        }
        ImportCommand::Jira(args) => {
            let created_by = importer.user_with_email(&args.created_by).await?;
            let options = jira::JiraOptions { created_by, rejects: args.rejects.clone() };
            let source = ImportSource::File(args.file);
            let summary = importer.jira(&source, options, progress.clone()).await;
            progress.finish();
            let summary = summary?;
            write_count(&mut out, "tasks", summary.tasks)?;
            write_rejected(&mut out, &summary.rejected, args.rejects)?;
            writeln!(out, "{}", rate_line("issues", summary.issues, started.elapsed()))?;
        }
        ImportCommand::Jsonl(args) => {
            let options = jsonl::JsonlOptions { rejects: args.rejects.clone() };
            let sources: Vec<ImportSource> = args.files.into_iter().map(ImportSource::File).collect();
            let summary = importer.jsonl(&sources, options, progress.clone()).await;
            progress.finish();
            let summary = summary?;
            write_count(&mut out, "users", summary.users)?;
            write_count(&mut out, "products", summary.products)?;
            write_count(&mut out, "orders", summary.orders)?;
            write_count(&mut out, "tasks", summary.tasks)?;
            write_rejected(&mut out, &summary.rejected, args.rejects)?;
            for name in summary.without_end {
                writeln!(out, "{name} does not end with the last line of an export: it may be cut off")?;
            }
            writeln!(out, "{}", rate_line("lines", summary.lines, started.elapsed()))?;
            // Nothing of an export should be rejected, unlike rows of a data set.
            let rejected = summary.rejected.values().sum();
            outcome = if rejected == 0 { Ok(()) } else { Err(ImportFailure::Rejected(rejected)) };
        }
    }
    io::stdout().write_all(&out)?;
    outcome
}

fn write_count(out: &mut Vec<u8>, what: &str, counts: Counts) -> io::Result<()> {
    let Counts { total, new } = counts;
    let stored = total.saturating_sub(new);
    writeln!(out, "{what:<9} {:>9}  {} new, {} there before", thousands(total), thousands(new), thousands(stored))
}

fn write_rejected(out: &mut Vec<u8>, rejected: &RejectCounts, file: Option<PathBuf>) -> io::Result<()> {
    let mut by_count: Vec<_> = rejected.iter().collect();
    by_count.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let total: u64 = rejected.values().sum();
    let place = file.map(|file| format!("written to {}", file.display())).unwrap_or_default();
    writeln!(out, "{}", format!("{:<9} {:>9}  {place}", "rejected", thousands(total)).trim_end())?;
    for (reason, count) in by_count {
        writeln!(out, "          {:>9}  {reason}", thousands(*count))?;
    }
    Ok(())
}
