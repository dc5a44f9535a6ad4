//! `orderwire demo`.
use clap::Args;
use super::{Failure, Settings};
/// What `demo` takes.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {}
pub(super) async fn run(_: Settings, _: DemoArgs) -> Result<(), Failure> { Ok(()) }
