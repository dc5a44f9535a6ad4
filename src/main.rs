//! The `orderwire` command.

use std::process::ExitCode;

use clap::Parser;
use orderwire::cli::Cli;

/// Answers are made of very many small values; the system's allocator takes a third of the time of a nested query.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return orderwire::cli::fail(&format!("cannot start: {error}")),
    };
    let code = runtime.block_on(cli.run());
    runtime.shutdown_background();
    code
}
