//! What the fields of orders cost; `docs/cost.md` lists it.

use crate::graphql::{
    engine::document::{ArgumentCost, CostRule, FieldCost, ListSize},
    schema::connection::SEARCHABLE_LIST,
};

/// Fields of orders whose cost does not follow from their type.
pub const COSTS: &[FieldCost] = &[
    FieldCost { type_name: "Order", field: "tasks", rule: SEARCHABLE_LIST },
    FieldCost { type_name: "Order", field: "items", rule: CostRule { size: ListSize::Assumed(20), ..CostRule::FREE } },
    FieldCost { type_name: "Order", field: "history", rule: CostRule { size: ListSize::Assumed(5), ..CostRule::FREE } },
    FieldCost {
        type_name: "Mutation",
        field: "placeOrder",
        rule: CostRule {
            price: 20,
            arguments: &[ArgumentCost { path: &["input", "items"], price: 1, each: true }],
            ..CostRule::FREE
        },
    },
];
