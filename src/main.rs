//! The `orderwire` command.

use std::process::ExitCode;

use clap::Parser;
use orderwire::cli::Cli;

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
