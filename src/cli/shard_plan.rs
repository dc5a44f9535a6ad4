//! `orderwire shard-plan`.

use super::{Failure, Settings, output};
use crate::app;

pub(super) fn run(settings: Settings) -> Result<(), Failure> {
    output::print(&app::shard_plan(&settings.load()?)?)
}
