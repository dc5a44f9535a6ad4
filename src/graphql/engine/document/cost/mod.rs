//! The cost of an operation, known before it runs.
//!
//! A selection costs the sum of its fields, a field what its rule says ([`model`]), and a list its size times one entry.
//! A value that can be one of several types costs as much as the most expensive of them. Sizes and conditions may be
//! variables, so a document keeps an expression over them. Each fragment is walked once for each type that it is spread
//! on. The directives of the schema hold the rules ([`directives`]).

pub mod directives;
mod expression;
mod model;
mod read;
mod rules;
mod table;

use std::collections::HashMap;

use apollo_compiler::{Schema, validation::Valid};
use async_graphql::{
    Name, Positioned, Variables,
    parser::types::{
        Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
    },
};
use async_graphql_value::Value;

use super::{
    limits::DocumentLimits,
    types::{InvalidSchema, SchemaTypes, base_name},
};
use expression::{Factor, Number, Sum};
use model::CostModel;
pub use rules::CostRules;
use rules::{ArgumentPath, ListSize, Size};

/// The cost of an operation as a function of its variables.
pub(super) struct Cost {
    operation: Sum,
    /// The costs of fragments that depend on variables. Each refers only to those before it.
    fragments: Vec<SelectionCost>,
}

/// The cost of a selection.
#[derive(Debug, Clone, Default)]
struct SelectionCost {
    /// Charged once: everything, or for a page what does not depend on its size.
    once: Sum,
    /// Charged for each entry of the page; empty when the selection is not on a page.
    each: Sum,
}

impl Cost {
    /// Derives the cost of an operation of a valid document.
    pub fn new(
        types: &SchemaTypes,
        rules: &CostRules,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
    ) -> Self {
        let model = CostModel { types, rules };
        let mut fold = CostFold { model, fragments: &document.fragments, known: HashMap::new(), depending: Vec::new() };
        let root = types.root(operation.ty).cloned();
        let cost = root.map(|root| fold.set(&operation.selection_set.node, &root)).unwrap_or_default();
        Self { operation: cost.once, fragments: fold.depending }
    }

    /// The cost with these variables, which include the defaults.
    pub fn value(&self, variables: &Variables) -> u64 {
        let mut fragments = Vec::with_capacity(self.fragments.len());
        for fragment in &self.fragments {
            let value = |sum: &Sum| sum.value(variables, &fragments);
            fragments.push((value(&fragment.once), value(&fragment.each)));
        }
        self.operation.value(variables, &fragments)
    }
}

/// Writes `docs/cost.md` for a schema in the schema definition language.
pub fn document(sdl: &str) -> Result<String, InvalidSchema> {
    let schema = parse(sdl)?;
    let model = CostModel { types: &SchemaTypes::new(sdl), rules: &CostRules::new(&schema)? };
    let limits = DocumentLimits::default();
    let table = table::table(model, &schema);
    Ok(include_str!("about.md").replace("{cost}", &limits.cost.to_string()).replace("{table}", table.trim_end()))
}

/// Parses a schema in the schema definition language.
pub(super) fn parse(sdl: &str) -> Result<Valid<Schema>, InvalidSchema> {
    Schema::parse_and_validate(sdl, "schema.graphql").map_err(|invalid| InvalidSchema(invalid.errors.to_string()))
}

/// Folds the cost of an operation from its leaves up, each fragment once for each type that spreads it.
struct CostFold<'a> {
    model: CostModel<'a>,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// The cost of each fragment on each type that it was found on.
    known: HashMap<(&'a Name, Name), SelectionCost>,
    /// The costs of fragments that depend on variables.
    depending: Vec<SelectionCost>,
}

impl<'a> CostFold<'a> {
    /// The cost of a selection on an object of the type `on`.
    fn set(&mut self, set: &'a SelectionSet, on: &Name) -> SelectionCost {
        let mut sum = SelectionCost::default();
        for selection in &set.items {
            let SelectionCost { once, each } = match &selection.node {
                Selection::Field(field) => self.field(&field.node, on),
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node, on),
                Selection::InlineFragment(fragment) => match &fragment.node.type_condition {
                    Some(condition) if !self.model.types.is_a(on, &condition.node.on.node) => SelectionCost::default(),
                    _ => self.set(&fragment.node.selection_set.node, on),
                },
            };
            let directives = selection.node.directives();
            sum.once.add(conditional(once, directives));
            sum.each.add(conditional(each, directives));
        }
        sum
    }

    fn field(&mut self, field: &'a Field, on: &Name) -> SelectionCost {
        let rule = self.model.rule(on, &field.name.node);
        let mut once = Sum::from(rule.price);
        for argument in &rule.arguments {
            let given = Number::at(&field.arguments, &argument.path);
            let factor = if argument.each { Factor::Length(given) } else { Factor::Present(given) };
            once.add(Sum::from(argument.price).times(factor));
        }
        let Some(ty) = self.model.types.field(on, &field.name.node) else {
            return SelectionCost { once, each: Sum::default() };
        };
        let base = base_name(&ty.base);
        let below = self.below(&field.selection_set.node, base);
        let mut entry = Sum::from(self.model.object_price(base));
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

    /// The cost of a selection on a value of the type `base`. A selection on an interface is walked once for each of its
    /// types; that stays small, as the fields of interfaces have no selections of their own.
    fn below(&mut self, set: &'a SelectionSet, base: &Name) -> SelectionCost {
        let types = self.model.types;
        match types.possible.get(base) {
            None => self.set(set, base),
            Some(possible) => {
                let sums = possible.iter().map(|on| self.set(set, on).once).collect();
                SelectionCost { once: Sum::largest(sums), each: Sum::default() }
            }
        }
    }

    fn fragment(&mut self, name: &'a Name, on: &Name) -> SelectionCost {
        let Some(fragment) = self.fragments.get(name) else { return SelectionCost::default() };
        if !self.model.types.is_a(on, &fragment.node.type_condition.node.on.node) {
            return SelectionCost::default();
        }
        let key = (name, on.clone());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let mut cost = self.set(&fragment.node.selection_set.node, on);
        if !(cost.once.is_fixed() && cost.each.is_fixed()) {
            let index = self.depending.len();
            self.depending.push(cost);
            cost = SelectionCost { once: Sum::fragment(index, false), each: Sum::fragment(index, true) };
        }
        self.known.insert(key, cost.clone());
        cost
    }
}

/// Makes a cost depend on the directives `@skip` and `@include`.
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
