//! The JSON plans of an operation, made when the first value is written and kept with the operation.

use std::sync::OnceLock;

use async_graphql::Pos;

use super::plan::JsonPlan;

/// Column of the positions that [`place_position`] makes; no document has a line that long.
const PLACE_COLUMN: usize = usize::MAX;

/// How the objects of an operation are written as JSON, each by its place; `None` for those that only the executor can
/// resolve. Request data.
pub struct JsonPlans(Box<[OnceLock<Option<JsonPlan>>]>);

impl JsonPlans {
    /// Makes a place for each of an operation's objects.
    pub fn new(objects: usize) -> Self {
        Self((0..objects).map(|_| OnceLock::new()).collect())
    }

    /// The plan of the object whose selection set has this position, made by `plan` the first time. `None` when there is
    /// none, or the position is not one of [`place_position`].
    pub(super) fn get(&self, position: Pos, plan: impl FnOnce() -> Option<JsonPlan>) -> Option<&JsonPlan> {
        let place = (position.column == PLACE_COLUMN).then_some(position.line)?;
        self.0.get(place)?.get_or_init(plan).as_ref()
    }
}

/// The position of the selection set of the object at this place. The executor uses the positions of fields only, so this
/// is how a value that is being resolved finds its plan.
pub fn place_position(place: usize) -> Pos {
    Pos { line: place, column: PLACE_COLUMN }
}
