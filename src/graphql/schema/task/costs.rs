//! What the fields of tasks cost; `docs/cost.md` lists it.

use crate::graphql::{engine::document::FieldCost, schema::connection::SEARCHABLE_LIST};

/// Fields of tasks whose cost does not follow from their type.
pub const COSTS: &[FieldCost] = &[FieldCost { type_name: "Query", field: "tasks", rule: SEARCHABLE_LIST }];
