//! Shows the progress of an import or export on standard error.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;

use super::numbers::{rate, thousands};
use crate::service::import::{Progress, Stage, Unit};

/// Shows progress: as a bar on a terminal, elsewhere as a line every few seconds.
pub(super) struct ProgressDisplay {
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

    pub(super) fn new() -> Self {
        let now = Instant::now();
        let bar = io::stderr().is_terminal().then(|| ProgressBar::new(0));
        Self { bar, now: Mutex::new(ShownStage { stage: None, since: now, last_line: now }) }
    }

    /// Removes the progress bar so that what follows starts on a clean line.
    pub(super) fn finish(&self) {
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
            // A closed stderr must not stop the work.
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
        Stage::Lines => "lines",
        Stage::Export => "export",
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
    let rate = rate(done, elapsed);
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
    fn progress_line_states_rate_and_time_left() {
        assert_eq!(
            line(Stage::Orders, 200_000, 541_909, Duration::from_secs(2)),
            "orders: 200,000 of 541,909 rows, 100,000 rows/s, 3 s left"
        );
    }

    #[test]
    fn every_stage_has_a_valid_bar_template() {
        for stage in [
            Stage::Reading,
            Stage::Products,
            Stage::Users,
            Stage::Comparing,
            Stage::Orders,
            Stage::Tasks,
            Stage::Lines,
            Stage::Export,
        ] {
            assert!(ProgressStyle::with_template(&template(stage)).is_ok(), "{stage:?}");
        }
    }
}
