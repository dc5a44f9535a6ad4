//! What each field of a schema costs.

use super::rules::{CostRule, CostRules, ListSize};
use crate::graphql::engine::page_size::MAX_PAGE_SIZE;

/// The rule of a field without directives.
static FREE: CostRule = CostRule { price: 0, size: ListSize::One, arguments: Vec::new() };

impl CostRules {
    /// The rule of a field.
    pub(super) fn rule(&self, parent: &str, field: &str) -> &CostRule {
        self.fields.get(parent).and_then(|fields| fields.get(field)).unwrap_or(&FREE)
    }

    /// What one value of this type costs.
    pub(super) fn object_price(&self, name: &str) -> u64 {
        self.types.get(name).copied().unwrap_or(0)
    }
}

/// The largest value of a slicing argument that is counted. The resolver refuses a larger one with a better error than
/// a cost limit.
pub(super) const LARGEST: u64 = MAX_PAGE_SIZE as u64;
