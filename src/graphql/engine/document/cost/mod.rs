//! The cost of an operation, known before it runs.
//!
//! A selection costs the sum of its fields, a field what [`rules`] say, and a list its size times one entry. What can be
//! one of several types costs as much as the dearest of them. Sizes and conditions may be variables, so what is kept of
//! a document is an expression over them. Each fragment is walked once for each type that it is spread on.

mod expression;
mod rules;

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned, Variables,
    parser::types::{
        Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
    },
};
use async_graphql_value::Value;

use super::{
    limits::DocumentLimits,
    types::{SchemaTypes, base_name},
};
use expression::{Factor, Number, Sum};
use rules::Size;

/// The cost of an operation as a function of its variables.
pub(super) struct Cost {
    operation: Sum,
    /// What fragments cost once, and for each entry of the page that they are on; each names only those before it.
    fragments: Vec<Halves>,
}

/// What a selection costs.
#[derive(Debug, Clone, Default)]
struct Halves {
    /// In all; of a page, what does not depend on its size.
    once: Sum,
    /// For each entry of the page that it is a selection of.
    each: Sum,
}

impl Cost {
    /// Of an operation of a valid document.
    pub fn of(types: &SchemaTypes, document: &ExecutableDocument, operation: &OperationDefinition) -> Self {
        let mut walk = Walk { types, fragments: &document.fragments, known: HashMap::new(), depending: Vec::new() };
        let root = types.root(operation.ty).cloned();
        let cost = root.map(|root| walk.set(&operation.selection_set.node, &root)).unwrap_or_default();
        Self { operation: cost.once, fragments: walk.depending }
    }

    /// With these variables, defaults included.
    pub fn value(&self, variables: &Variables) -> u64 {
        let mut fragments = Vec::with_capacity(self.fragments.len());
        for fragment in &self.fragments {
            let value = |sum: &Sum| sum.value(variables, &fragments);
            fragments.push((value(&fragment.once), value(&fragment.each)));
        }
        self.operation.value(variables, &fragments)
    }
}

/// The documentation of the model, `docs/cost.md`, for a schema in the schema definition language.
pub fn document(sdl: &str) -> String {
    let limits = DocumentLimits::default();
    include_str!("about.md")
        .replace("{cost}", &limits.cost.to_string())
        .replace("{table}", rules::table(&SchemaTypes::new(sdl)).trim_end())
}

struct Walk<'a> {
    types: &'a SchemaTypes,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// What fragments cost on a type.
    known: HashMap<(&'a Name, Name), Halves>,
    /// The costs that depend on variables.
    depending: Vec<Halves>,
}

impl<'a> Walk<'a> {
    /// Of a selection on an object of the type `on`.
    fn set(&mut self, set: &'a SelectionSet, on: &Name) -> Halves {
        let mut sum = Halves::default();
        for selection in &set.items {
            let Halves { once, each } = match &selection.node {
                Selection::Field(field) => self.field(&field.node, on),
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node, on),
                Selection::InlineFragment(fragment) => match &fragment.node.type_condition {
                    Some(condition) if !self.types.is_a(on, &condition.node.on.node) => Halves::default(),
                    _ => self.set(&fragment.node.selection_set.node, on),
                },
            };
            let directives = selection.node.directives();
            sum.once.add(conditional(once, directives));
            sum.each.add(conditional(each, directives));
        }
        sum
    }

    fn field(&mut self, field: &'a Field, on: &Name) -> Halves {
        let rule = rules::rule(self.types, on, &field.name.node);
        let mut once = Sum::from(rule.price);
        for extra in rule.extras {
            let given = Number::at(&field.arguments, extra.path);
            let factor = if extra.each { Factor::Or(given, 0) } else { Factor::Present(given) };
            once.add(Sum::from(extra.price).times(factor));
        }
        let Some(ty) = self.types.field(on, &field.name.node) else { return Halves { once, each: Sum::default() } };
        let base = base_name(&ty.base);
        let below = self.below(&field.selection_set.node, base);
        let mut entry = Sum::from(rules::object_price(self.types, base));
        entry.add(below.once);
        let number = |path| Number::at(&field.arguments, path);
        let factor = match rule.size {
            Size::OfPage => return Halves { once, each: entry },
            Size::Page(bounds) => {
                let bounds = bounds.iter().map(|bound| number(bound)).collect();
                let factor = Factor::Page { first: number(&["first"]), last: number(&["last"]), bounds };
                once.add(below.each.times(factor));
                Factor::Fixed(1)
            }
            Size::One => Factor::Fixed(1),
            Size::First(default) => Factor::Or(number(&["first"]), default),
            Size::LengthOf(list) => Factor::Or(number(list), 0),
            Size::Assumed(size) => Factor::Fixed(size),
        };
        once.add(entry.times(factor));
        Halves { once, each: Sum::default() }
    }

    /// Of a selection on something of the type `base`. Interfaces have no fields of their own that select further, so
    /// what is walked again for each of their types is flat.
    fn below(&mut self, set: &'a SelectionSet, base: &Name) -> Halves {
        let types = self.types;
        match types.possible.get(base) {
            None => self.set(set, base),
            Some(possible) => {
                let sums = possible.iter().map(|on| self.set(set, on).once).collect();
                Halves { once: Sum::largest(sums), each: Sum::default() }
            }
        }
    }

    fn fragment(&mut self, name: &'a Name, on: &Name) -> Halves {
        let Some(fragment) = self.fragments.get(name) else { return Halves::default() };
        if !self.types.is_a(on, &fragment.node.type_condition.node.on.node) {
            return Halves::default();
        }
        let key = (name, on.clone());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let mut cost = self.set(&fragment.node.selection_set.node, on);
        if !(cost.once.is_fixed() && cost.each.is_fixed()) {
            let index = self.depending.len();
            self.depending.push(cost);
            cost = Halves { once: Sum::fragment(index, false), each: Sum::fragment(index, true) };
        }
        self.known.insert(key, cost.clone());
        cost
    }
}

/// The cost of what `@skip` and `@include` may leave out.
fn conditional(mut cost: Sum, directives: &[Positioned<Directive>]) -> Sum {
    for directive in directives {
        let included = match directive.node.name.node.as_str() {
            "include" => true,
            "skip" => false,
            _ => continue,
        };
        match directive.node.get_argument("if").map(|value| &value.node) {
            Some(Value::Variable(name)) => cost = cost.only_if(name, included),
            Some(Value::Boolean(value)) if *value != included => return Sum::default(),
            _ => {}
        }
    }
    cost
}

#[cfg(test)]
mod tests;
