//! `orderwire demo`.
use super::{Failure, Settings};
use clap::Args;
/// What `demo` takes.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {}
pub(super) async fn run(_: Settings, _: DemoArgs) -> Result<(), Failure> {
    Ok(())
}
