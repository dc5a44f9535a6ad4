//! The cost of an operation, known before it runs.
//!
//! A selection costs the sum of its fields, a field what its rule says ([`model`]), and a list its size times one entry.
//! A value that can be one of several types costs as much as the most expensive of them. Sizes may be variables, so a
//! plan keeps an expression over them. The directives of the schema hold the rules ([`directives`]).

pub mod directives;
mod expression;
mod model;
mod read;
mod rules;
mod table;

use async_graphql::Variables;

use super::{
    plan::{PlannedField, PlannedObject},
    types::{InvalidSchema, SchemaTypes},
};
use expression::{Factor, Number, Sum};
pub use rules::CostRules;
use rules::{ArgumentPath, ListSize, Size};

/// The cost of a plan as a function of its variables.
pub(super) struct Cost(Sum);

/// The cost of a selection.
#[derive(Debug, Clone, Default)]
struct SelectionCost {
    /// Charged once: everything, or for a page what does not depend on its size.
    once: Sum,
    /// Charged for each entry of the page; empty when the selection is not on a page.
    each: Sum,
}

impl Cost {
    /// Derives the cost of what a plan selects of its root, an object of the type `root`. `introspection` is what its fields
    /// of introspection cost.
    pub fn new(rules: &CostRules, root: &str, fields: &[PlannedField], introspection: u64) -> Self {
        let mut sum = rules.selection(root, fields).once;
        sum.add(introspection.into());
        Self(sum)
    }

    /// The cost with these variables, which include the defaults.
    pub fn value(&self, variables: &Variables) -> u64 {
        self.0.value(variables)
    }
}

/// Writes `docs/cost.md` for a schema in the schema definition language and limits on the cost of an operation and on the
/// bytes of its answer. Fails if the schema is not valid.
pub fn document(sdl: &str, limit: usize, answer_bytes: usize) -> Result<String, InvalidSchema> {
    let types = SchemaTypes::new(sdl, &[])?;
    let rules = CostRules::new(types.schema())?;
    let table = table::table(&rules, types.schema());
    let text = include_str!("about.md").replace("{cost}", &limit.to_string());
    Ok(text.replace("{answer_bytes}", &answer_bytes.to_string()).replace("{table}", table.trim_end()))
}

impl CostRules {
    /// The cost of what is selected of an object of the type `on`.
    fn selection(&self, on: &str, fields: &[PlannedField]) -> SelectionCost {
        let mut sum = SelectionCost::default();
        for field in fields {
            let SelectionCost { once, each } = self.field(on, field);
            sum.once.add(once);
            sum.each.add(each);
        }
        sum
    }

    fn field(&self, on: &str, field: &PlannedField) -> SelectionCost {
        let rule = self.rule(on, &field.name);
        let mut once = Sum::from(rule.price);
        for argument in &rule.arguments {
            let given = Number::at(&field.arguments, &argument.path);
            let factor = if argument.each { Factor::Length(given) } else { Factor::Present(given) };
            once.add(Sum::from(argument.price).times(factor));
        }
        if field.name.starts_with("__") {
            return SelectionCost { once, each: Sum::default() };
        }
        let below = self.largest(field.objects());
        let mut entry = Sum::from(self.object_price(field.ty.inner_named_type()));
        entry.add(below.once);
        let size = |size: &Size| {
            let numbers =
                |paths: &[ArgumentPath]| paths.iter().map(|path| Number::at(&field.arguments, path)).collect();
            Factor::Size { slicing: numbers(&size.slicing), assumed: size.assumed, bounds: numbers(&size.bounds) }
        };
        let factor = match &rule.size {
            ListSize::OfPage => return SelectionCost { once, each: entry },
            ListSize::Page(page) => {
                once.add(below.each.times(size(page)));
                Factor::Fixed(1)
            }
            ListSize::One => Factor::Fixed(1),
            ListSize::List(list) => size(list),
        };
        once.add(entry.times(factor));
        SelectionCost { once, each: Sum::default() }
    }

    /// The cost of what is selected of a value that is one of these objects.
    fn largest(&self, objects: &[PlannedObject]) -> SelectionCost {
        match objects {
            [object] => self.selection(&object.type_name, &object.fields),
            several => {
                let sums = several.iter().map(|object| self.selection(&object.type_name, &object.fields).once);
                SelectionCost { once: Sum::largest(sums.collect()), each: Sum::default() }
            }
        }
    }
}

#[cfg(test)]
mod tests;
