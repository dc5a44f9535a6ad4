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
    let limits = Config::default().limits;
    let costs = || graphql::cost_document(limits.cost, limits.answer_bytes);
    output::print(&if args.costs { costs()? } else { graphql::sdl() })
}
