//! `orderwire schema`.

use clap::Args;

use super::{Failure, output};
use crate::{config::Config, graphql};

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Print the cost of operations instead; docs/cost.md holds this text.
    #[arg(long)]
    costs: bool,
}

pub(super) fn run(args: SchemaArgs) -> Result<(), Failure> {
    output::print(&if args.costs { graphql::cost_document(Config::default().limits.cost)? } else { graphql::sdl() })
}
