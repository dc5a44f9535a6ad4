//! Reads the costs of a schema from its directives, and checks that they fit it.
//!
//! Section numbers are those of <https://ibm.github.io/graphql-specs/cost-spec.html>. That the directives stand where
//! they may and have arguments of the right types is checked when the schema is parsed.

use std::{collections::HashMap, sync::Arc};

use apollo_compiler::{
    Name, Node, Schema,
    ast::{Directive, FieldDefinition, InputValueDefinition, OperationType, Type, Value},
    schema::{ExtendedType, ObjectType},
    validation::Valid,
};

use super::rules::{ArgumentCost, ArgumentPath, CostRule, CostRules, ListSize, Size};
use crate::graphql::engine::document::types::InvalidSchema;

/// Weight of an object without `@cost`, section 7.1.
const OBJECT: u64 = 1;

impl CostRules {
    /// Reads the directives of a schema.
    ///
    /// # Errors
    ///
    /// Every directive that does not fit its place, and every list without a size.
    pub fn new(schema: &Valid<Schema>) -> Result<Self, InvalidSchema> {
        let mut reader = Reader { schema, faults: Vec::new() };
        reader.check_interfaces();
        let types = reader.types();
        let mut fields = HashMap::new();
        for (parent, object) in objects(schema) {
            let own = object.fields.values().map(|field| (field.name.clone(), reader.field(parent, field)));
            fields.insert(parent.clone(), own.collect::<HashMap<_, _>>());
        }
        let mut rules = Self { fields, types };
        reader.size_pages(&mut rules);
        reader.check_lists(&rules);
        match reader.faults.is_empty() {
            true => Ok(rules),
            false => Err(InvalidSchema(reader.faults.join("; "))),
        }
    }
}

/// The object types of a schema, without those of introspection.
pub(super) fn objects(schema: &Schema) -> impl Iterator<Item = (&Name, &Node<ObjectType>)> {
    schema.types.iter().filter_map(|(name, ty)| match ty {
        ExtendedType::Object(object) if !ty.is_built_in() => Some((name, object)),
        _ => None,
    })
}

struct Reader<'a> {
    schema: &'a Schema,
    faults: Vec<String>,
}

impl Reader<'_> {
    fn fault(&mut self, at: &str, what: &str) {
        self.faults.push(format!("`{at}`: {what}"));
    }

    /// Section 9.1.1: the cost of an interface's field is that of the fields of its objects.
    fn check_interfaces(&mut self) {
        for (name, ty) in &self.schema.types {
            let ExtendedType::Interface(interface) = ty else { continue };
            for field in interface.fields.values() {
                if ["cost", "listSize", "listSizeBound"].iter().any(|directive| field.directives.has(directive)) {
                    self.fault(&format!("{name}.{}", field.name), "a field of an interface has no cost of its own");
                }
            }
        }
    }

    /// What a value of each type costs. An interface or union costs as much as its most expensive object.
    fn types(&mut self) -> HashMap<Name, u64> {
        let mut prices = HashMap::new();
        for (name, ty) in self.schema.types.iter().filter(|(_, ty)| !ty.is_built_in()) {
            let default = if matches!(ty, ExtendedType::Object(_)) { OBJECT } else { 0 };
            let weight = ty.directives().get("cost").and_then(|cost| self.weight(name, cost));
            prices.insert(name.clone(), weight.unwrap_or(default));
        }
        for (name, object) in objects(self.schema) {
            let price = prices.get(name).copied().unwrap_or(OBJECT);
            let unions = self.schema.types.iter().filter_map(|(union, ty)| match ty {
                ExtendedType::Union(members) if members.members.contains(name) => Some(union),
                _ => None,
            });
            let interfaces = object.implements_interfaces.iter().map(|interface| &interface.name);
            for parent in interfaces.chain(unions) {
                let largest = prices.entry(parent.clone()).or_default();
                *largest = price.max(*largest);
            }
        }
        prices
    }

    /// Section 7.1: a number as text. Ours are whole and not negative.
    fn weight(&mut self, at: &str, cost: &Directive) -> Option<u64> {
        const LARGEST: f64 = 1e9;
        let text = cost.specified_argument_by_name("weight").and_then(|weight| weight.as_str()).unwrap_or_default();
        match text.parse::<f64>() {
            Ok(weight) if weight.fract() == 0.0 && (0.0..=LARGEST).contains(&weight) => Some(weight as u64),
            _ => {
                self.fault(at, &format!("the weight {text:?} is not a whole number from 0 to {LARGEST}"));
                None
            }
        }
    }

    fn field(&mut self, parent: &Name, field: &FieldDefinition) -> CostRule {
        let at = format!("{parent}.{}", field.name);
        let price = field.directives.get("cost").and_then(|cost| self.weight(&at, cost)).unwrap_or(0);
        let size = self.size(parent, &at, field);
        let mut arguments = Arguments { reader: self, at: &at, costs: Vec::new(), path: Vec::new(), open: Vec::new() };
        for argument in &field.arguments {
            arguments.add(argument, None);
        }
        CostRule { price, size, arguments: arguments.costs }
    }

    /// Section 8. The size of a subscription is how many updates it begins with.
    fn size(&mut self, parent: &Name, at: &str, field: &FieldDefinition) -> ListSize {
        let bounds = field.directives.get("listSizeBound").map(|bound| strings(bound, "arguments")).unwrap_or_default();
        let Some(directive) = field.directives.get("listSize") else {
            if !bounds.is_empty() {
                self.fault(at, "@listSizeBound without @listSize");
            }
            return ListSize::One;
        };
        let bounds = bounds.into_iter().filter_map(|path| self.bound(at, field, path)).collect();
        let sized = strings(directive, "sizedFields");
        let is_subscription = self.schema.root_operation(OperationType::Subscription) == Some(parent);
        if sized.is_empty() && !field.ty.is_list() && !is_subscription {
            self.fault(at, "@listSize on a field that is not a list and without sizedFields");
        }
        for name in &sized {
            let list = self.schema.type_field(field.ty.inner_named_type(), name).ok();
            if !list.is_some_and(|list| list.ty.is_list()) {
                self.fault(at, &format!("{} has no list `{name}`", field.ty.inner_named_type()));
            }
        }
        let slicing = strings(directive, "slicingArguments");
        let mut default: Option<i32> = None;
        for name in &slicing {
            match field.argument_by_name(name) {
                Some(argument) if argument.ty.inner_named_type() == "Int" && !argument.ty.is_list() => {
                    default = default.max(argument.default_value.as_ref().and_then(|value| value.to_i32()));
                }
                Some(_) => self.fault(at, &format!("the slicing argument `{name}` is not an Int")),
                None => self.fault(at, &format!("there is no argument `{name}`")),
            }
        }
        let assumed = directive.specified_argument_by_name("assumedSize").and_then(|size| size.to_i32());
        let required = directive.specified_argument_by_name("requireOneSlicingArgument").and_then(|one| one.to_bool());
        // Section 9.2.4.
        if assumed.is_some() && !slicing.is_empty() && (default.is_some() || required != Some(false)) {
            let problem =
                "an assumedSize beside slicing arguments needs `requireOneSlicingArgument: false`, and no default";
            self.fault(at, problem);
        }
        let Some(assumed) = assumed.or(default).and_then(|size| u64::try_from(size).ok()) else {
            self.fault(at, "the size is not known when no slicing argument is given: add an assumedSize of 0 or more");
            return ListSize::One;
        };
        let slicing = slicing.into_iter().filter_map(|name| Some(Arc::from([Name::new(name).ok()?]))).collect();
        let size = Size { slicing, assumed, bounds };
        if sized.is_empty() { ListSize::List(size) } else { ListSize::Page(size) }
    }

    /// The path to a list in the arguments of a field.
    fn bound(&mut self, at: &str, field: &FieldDefinition, path: &str) -> Option<ArgumentPath> {
        let mut names = Vec::new();
        let mut ty: Option<&Type> = None;
        for name in path.split('.') {
            let definition = match ty {
                None => field.argument_by_name(name),
                Some(Type::Named(object) | Type::NonNullNamed(object)) => {
                    let object = self.schema.get_input_object(object);
                    object.and_then(|object| object.fields.get(name)).map(|field| &field.node)
                }
                Some(Type::List(_) | Type::NonNullList(_)) => None,
            };
            let Some(definition) = definition else {
                self.fault(at, &format!("there is no argument `{path}`"));
                return None;
            };
            names.push(definition.name.clone());
            ty = Some(&definition.ty);
        }
        if !ty.is_some_and(Type::is_list) {
            self.fault(at, &format!("the argument `{path}` is not a list"));
            return None;
        }
        Some(names.into())
    }

    /// Gives the sized fields of pages their size. Every field that returns the object has to name the same.
    fn size_pages(&mut self, rules: &mut CostRules) {
        let mut pages: Vec<(Name, String, Vec<&str>)> = Vec::new();
        for (parent, object) in objects(self.schema) {
            for field in object.fields.values() {
                let directive = field.directives.get("listSize");
                let sized = directive.map(|directive| strings(directive, "sizedFields")).unwrap_or_default();
                pages.push((field.ty.inner_named_type().clone(), format!("{parent}.{}", field.name), sized));
            }
        }
        for (page, _, sized) in &pages {
            for list in sized {
                for (_, at, _) in pages.iter().filter(|(other, _, own)| other == page && !own.contains(list)) {
                    self.fault(at, &format!("it does not say the size of `{page}.{list}`, as other fields do"));
                }
                if let Some(rule) = rules.fields.get_mut(page).and_then(|fields| fields.get_mut(*list)) {
                    rule.size = ListSize::OfPage;
                }
            }
        }
    }

    /// Every list has a size, unless its entries are free.
    fn check_lists(&mut self, rules: &CostRules) {
        for (parent, object) in objects(self.schema) {
            for field in object.fields.values().filter(|field| field.ty.is_list()) {
                let sized = match rules.fields.get(parent).and_then(|fields| fields.get(&field.name)) {
                    Some(rule) => matches!(rule.size, ListSize::List(_) | ListSize::OfPage),
                    None => false,
                };
                if !sized && !self.is_free(field.ty.inner_named_type(), rules) {
                    self.fault(&format!("{parent}.{}", field.name), "a list without @listSize");
                }
            }
        }
    }

    /// Whether values of this type cost nothing, whatever is selected of them.
    fn is_free(&self, name: &Name, rules: &CostRules) -> bool {
        let is_free = |name: &Name| rules.types.get(name).is_none_or(|price| *price == 0);
        let is_leaf = |name: &Name| self.schema.types.get(name).is_some_and(ExtendedType::is_leaf);
        match self.schema.types.get(name) {
            Some(ExtendedType::Object(object)) => {
                is_free(name)
                    && object.fields.values().all(|field| {
                        let rule = rules.fields.get(name).and_then(|fields| fields.get(&field.name));
                        let base = field.ty.inner_named_type();
                        rule.is_none_or(|rule| *rule == CostRule::default()) && is_leaf(base) && is_free(base)
                    })
            }
            _ => is_leaf(name) && is_free(name),
        }
    }
}

/// Collects what the arguments of a field cost, with the input fields in them.
struct Arguments<'a, 'b> {
    reader: &'a mut Reader<'b>,
    at: &'a str,
    costs: Vec<ArgumentCost>,
    path: Vec<Name>,
    /// The input objects around the current place.
    open: Vec<Name>,
}

impl Arguments<'_, '_> {
    /// Adds an argument or input field. `list` is the length of the path to the list that it is an item of.
    fn add(&mut self, definition: &InputValueDefinition, list: Option<usize>) {
        self.path.push(definition.name.clone());
        let at = format!("{}({})", self.at, self.path.iter().map(Name::as_str).collect::<Vec<_>>().join("."));
        let weight = definition.directives.get("cost").and_then(|cost| self.reader.weight(&at, cost));
        if let Some(price) = weight.filter(|price| *price > 0) {
            // An item is counted by the length of its list, so each item must have the input field.
            if list.is_some() && !definition.is_required() {
                self.reader.fault(&at, "an input field in a list can have a weight only if it is required");
            }
            let path = self.path.get(..list.unwrap_or(self.path.len())).unwrap_or_default().into();
            self.costs.push(ArgumentCost { path, price, each: list.is_some() });
        }
        let name = definition.ty.inner_named_type();
        if let Some(object) = self.reader.schema.get_input_object(name) {
            if self.open.contains(name) || (definition.ty.is_list() && list.is_some()) {
                self.reader.fault(&at, "the cost of input objects in themselves, or in a list of lists, is not known");
            } else {
                let list = if definition.ty.is_list() { Some(self.path.len()) } else { list };
                self.open.push(name.clone());
                for field in object.fields.values() {
                    self.add(field, list);
                }
                self.open.pop();
            }
        }
        self.path.pop();
    }
}

/// The strings in an argument of a directive.
fn strings<'a>(directive: &'a Directive, argument: &str) -> Vec<&'a str> {
    let value = directive.specified_argument_by_name(argument);
    match value.map(|value| &**value) {
        Some(Value::String(one)) => vec![one],
        Some(Value::List(items)) => items.iter().filter_map(|item| item.as_str()).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
