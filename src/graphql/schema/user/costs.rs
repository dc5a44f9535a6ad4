//! What the fields of users cost; `docs/cost.md` lists it.

use crate::graphql::{
    engine::document::{CostRule, FieldCost},
    schema::connection::SEARCHABLE_LIST,
};

/// Points for hashing a password, which is slow on purpose.
const PASSWORD: u64 = 50;

/// Fields of users and their accounts whose cost does not follow from their type.
pub const COSTS: &[FieldCost] = &[
    FieldCost { type_name: "Query", field: "users", rule: SEARCHABLE_LIST },
    FieldCost { type_name: "User", field: "tasks", rule: SEARCHABLE_LIST },
    FieldCost { type_name: "Mutation", field: "register", rule: CostRule { price: PASSWORD, ..CostRule::FREE } },
    FieldCost { type_name: "Mutation", field: "login", rule: CostRule { price: PASSWORD, ..CostRule::FREE } },
    FieldCost {
        type_name: "Mutation",
        field: "changePassword",
        rule: CostRule { price: 2 * PASSWORD, ..CostRule::FREE },
    },
];
