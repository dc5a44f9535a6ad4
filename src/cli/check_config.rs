//! `orderwire check-config`.

use std::fmt::Write as _;

use clap::Args;

use super::{Failure, Settings, output};
use crate::{app, config};

/// Arguments of `check-config`.
#[derive(Debug, Clone, Args)]
pub struct CheckConfigArgs {
    /// Print an example configuration file instead, with every setting, its meaning and its default.
    #[arg(long)]
    example: bool,
}

pub(super) fn run(settings: Settings, args: CheckConfigArgs) -> Result<(), Failure> {
    if args.example {
        return output::print(&config::example());
    }
    let loaded = settings.read()?;
    let width = loaded.entries.iter().map(|entry| entry.key.len()).max().unwrap_or_default();
    let mut text = String::new();
    for entry in &loaded.entries {
        let value = entry.value.as_deref().unwrap_or("(not set)");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:width$} = {value}  [{}]", entry.key, entry.origin);
    }
    output::print(&text)?;
    if !loaded.problems.is_empty() {
        return Err(loaded.problems.into());
    }
    let errors = app::check(&loaded.config);
    if errors.is_empty() { Ok(()) } else { Err(errors.into()) }
}
