//! What the fields of products cost; `docs/cost.md` lists it.

use crate::graphql::{
    engine::document::{CostRule, FieldCost, ListSize},
    schema::connection::SEARCHABLE_LIST,
};

/// Fields of products whose cost does not follow from their type.
pub const COSTS: &[FieldCost] = &[
    FieldCost {
        type_name: "Query",
        field: "products",
        rule: CostRule { size: ListSize::Page(&[&["filter", "ids"], &["filter", "skus"]]), ..SEARCHABLE_LIST },
    },
    FieldCost {
        type_name: "Query",
        field: "trendingProducts",
        rule: CostRule { price: 10, size: ListSize::First(10), ..CostRule::FREE },
    },
    FieldCost {
        type_name: "Subscription",
        field: "stockUpdates",
        rule: CostRule { size: ListSize::LengthOf(&["productIds"]), ..CostRule::FREE },
    },
];
