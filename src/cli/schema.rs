//! `orderwire schema`.

use super::{Failure, output};

pub(super) fn run() -> Result<(), Failure> {
    output::print(&crate::graphql::sdl())
}
