//! Settings of the log.

use std::time::Duration;

use super::{section::section, setting::keywords};

keywords! {
    /// How log lines look.
    LogFormat {
        /// Lines that people read.
        Text = "text",
        /// One JSON object per line.
        Json = "json",
    }
}

section! {
    /// The log, which goes to standard error.
    "log" Log {
        /// Which events are logged: `error`, `warn`, `info`, `debug`, `trace`, or any filter of `tracing` such as
        /// `info,orderwire::http=debug`.
        level: String = "info".to_owned(), env "LOG_LEVEL";
        /// `text` or `json`. If unset, text in development and JSON in production.
        format: Option<LogFormat> = None, example "\"text\"";
        /// Operations that take longer are logged as warnings, with their name, time and storage calls. All others are
        /// logged at level `debug`.
        slow_operation: Duration = Duration::from_secs(1), in Duration::from_millis(1)..=Duration::from_secs(3600);
    }
}
