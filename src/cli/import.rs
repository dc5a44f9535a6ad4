//! `orderwire import`: imports a data set into the database and shows the progress.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;

use crate::service::import::{
    Counts, ImportError, ImportSource, Importer, Progress, RejectCounts, Stage, Unit, jira, online_retail,
};

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

/// Why `import` failed.
#[derive(Debug, thiserror::Error)]
pub enum ImportFailure {
    /// The import stopped before its end.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The summary could not be written.
    #[error("cannot write the summary: {0}")]
    Output(#[from] io::Error),
}

/// Imports the file, shows the progress on stderr and prints a summary on stdout.
pub async fn run(command: ImportCommand, importer: &Importer) -> Result<(), ImportFailure> {
    let started = Instant::now();
    let progress = Arc::new(ProgressDisplay::new());
    let mut out = Vec::new();
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
            write_rate(&mut out, "rows", summary.rows, started.elapsed())?;
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
            write_rate(&mut out, "issues", summary.issues, started.elapsed())?;
        }
    }
    Ok(io::stdout().write_all(&out)?)
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

fn write_rate(out: &mut Vec<u8>, unit: &str, count: u64, elapsed: Duration) -> io::Result<()> {
    let rate = count as f64 / elapsed.as_secs_f64().max(0.001);
    writeln!(
        out,
        "{} {unit} in {:.1} s: {} {unit}/s",
        thousands(count),
        elapsed.as_secs_f64(),
        thousands(rate.round() as u64)
    )
}

/// `1234567` as `1,234,567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Shows the progress of an import: as a bar on a terminal, elsewhere as a line every few seconds.
struct ProgressDisplay {
    bar: Option<ProgressBar>,
    now: Mutex<ShownStage>,
}

/// The stage in progress, and how it is shown.
struct ShownStage {
    stage: Option<Stage>,
    since: Instant,
    last_line: Instant,
}

impl ProgressDisplay {
    const LINE_EVERY: Duration = Duration::from_secs(3);

    fn new() -> Self {
        let now = Instant::now();
        let bar = io::stderr().is_terminal().then(|| ProgressBar::new(0));
        Self { bar, now: Mutex::new(ShownStage { stage: None, since: now, last_line: now }) }
    }

    /// Removes the progress bar so that the summary starts on a clean line.
    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress for ProgressDisplay {
    fn update(&self, stage: Stage, done: u64, total: u64) {
        let mut now = self.now.lock();
        if now.stage != Some(stage) {
            now.stage = Some(stage);
            now.since = Instant::now();
            if let Some(bar) = &self.bar {
                bar.set_style(style(stage));
                bar.set_message(label(stage));
                bar.reset();
            }
        }
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
        } else if now.last_line.elapsed() >= Self::LINE_EVERY {
            now.last_line = Instant::now();
            // A closed stderr must not stop the import.
            let _ = writeln!(io::stderr(), "{}", line(stage, done, total, now.since.elapsed()));
        }
    }
}

fn label(stage: Stage) -> &'static str {
    match stage {
        Stage::Reading => "reading",
        Stage::Products => "products",
        Stage::Users => "users",
        Stage::Comparing => "comparing",
        Stage::Orders => "orders",
        Stage::Tasks => "tasks",
    }
}

fn style(stage: Stage) -> ProgressStyle {
    ProgressStyle::with_template(&template(stage)).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn template(stage: Stage) -> String {
    let amounts = match stage.unit() {
        Unit::Bytes => "{bytes} of {total_bytes}, {bytes_per_sec}",
        Unit::Rows => "{human_pos} of {human_len} rows, {per_sec}",
        Unit::Entities => "{human_pos} of {human_len}, {per_sec}",
    };
    format!("{{msg:<9}} [{{bar:30}}] {amounts}, {{eta}} left")
}

fn line(stage: Stage, done: u64, total: u64, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
    let left = total.saturating_sub(done) as f64 / rate.max(1.0);
    let unit = match stage.unit() {
        Unit::Bytes => " bytes",
        Unit::Rows => " rows",
        Unit::Entities => "",
    };
    format!(
        "{}: {} of {}{unit}, {}{unit}/s, {left:.0} s left",
        label(stage),
        thousands(done),
        thousands(total),
        thousands(rate.round() as u64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (541_909, "541,909"), (1_234_567, "1,234,567")]
        {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn progress_line_states_rate_and_time_left() {
        assert_eq!(
            line(Stage::Orders, 200_000, 541_909, Duration::from_secs(2)),
            "orders: 200,000 of 541,909 rows, 100,000 rows/s, 3 s left"
        );
    }

    #[test]
    fn every_stage_has_a_valid_bar_template() {
        for stage in [Stage::Reading, Stage::Products, Stage::Users, Stage::Comparing, Stage::Orders, Stage::Tasks] {
            assert!(ProgressStyle::with_template(&template(stage)).is_ok(), "{stage:?}");
        }
    }
}
