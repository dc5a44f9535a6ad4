//! What each field of a schema costs.

use super::rules::{CostRule, CostRules, ListSize};
use crate::graphql::engine::{document::types::SchemaTypes, page_size::MAX_PAGE_SIZE};

/// The rule of `__schema`, which is not a field of the schema and can have no directive.
static SCHEMA: CostRule = priced(100);
/// The rule of `__type`.
static SCHEMA_TYPE: CostRule = priced(10);
/// The rule of a field without directives.
static FREE: CostRule = priced(0);

const fn priced(price: u64) -> CostRule {
    CostRule { price, size: ListSize::One, arguments: Vec::new() }
}

/// The types of a schema and the rules of its costs.
#[derive(Clone, Copy)]
pub(super) struct CostModel<'a> {
    pub types: &'a SchemaTypes,
    pub rules: &'a CostRules,
}

impl<'a> CostModel<'a> {
    /// The rule of a field.
    pub fn rule(self, parent: &str, field: &str) -> &'a CostRule {
        match field {
            "__schema" => &SCHEMA,
            "__type" => &SCHEMA_TYPE,
            _ => self.rules.fields.get(parent).and_then(|fields| fields.get(field)).unwrap_or(&FREE),
        }
    }

    /// What one value of this type costs.
    pub fn object_price(self, name: &str) -> u64 {
        self.rules.types.get(name).copied().unwrap_or(0)
    }
}

/// The largest value of a slicing argument that is counted. The resolver refuses a larger one with a better error than
/// a cost limit.
pub(super) const LARGEST: u64 = MAX_PAGE_SIZE as u64;
