//! What each field of a schema costs. `docs/cost.md` is written from here.

use std::fmt::Write;

use super::rules::{ArgumentPath, CostRule, CostRules, ListSize};
use crate::graphql::engine::{
    document::types::{SchemaTypes, base_name},
    page_size::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE},
};

/// Points for an object that is not a part of the object around it.
const OBJECT: u64 = 1;
/// Points for a connection: one request to the database.
const LIST: u64 = 1;
/// Points for `totalCount`.
const COUNT: u64 = 10;
/// Points for a mutation.
const MUTATION: u64 = 10;
/// Points for `__schema`.
const SCHEMA: u64 = 100;
/// Points for `__type`.
const SCHEMA_TYPE: u64 = 10;

/// The types of a schema and the rules of its costs.
#[derive(Clone, Copy)]
pub(super) struct CostModel<'a> {
    pub types: &'a SchemaTypes,
    pub rules: CostRules,
}

impl CostModel<'_> {
    /// The rule of a field: its own, or else the one that follows from its type.
    pub fn rule(self, parent: &str, field: &str) -> CostRule {
        match field {
            "__schema" => return CostRule { price: SCHEMA, ..CostRule::FREE },
            "__type" => return CostRule { price: SCHEMA_TYPE, ..CostRule::FREE },
            _ => {}
        }
        if let Some(rule) = self.rules.of_field(parent, field) {
            return rule;
        }
        let Some(ty) = self.types.field(parent, field) else { return CostRule::FREE };
        if is_connection(base_name(&ty.base)) {
            return CostRule { price: LIST, size: ListSize::Page(&[]), ..CostRule::FREE };
        }
        if is_connection(parent) {
            return match field {
                "totalCount" => CostRule { price: COUNT, ..CostRule::FREE },
                "nodes" | "edges" => CostRule { size: ListSize::OfPage, ..CostRule::FREE },
                _ => CostRule::FREE,
            };
        }
        let price = if self.types.is_mutation(parent) { MUTATION } else { 0 };
        CostRule { price, ..CostRule::FREE }
    }

    /// What one object of this type costs.
    pub fn object_price(self, name: &str) -> u64 {
        let is_object = self.types.composites.contains_key(name) || self.types.possible.contains_key(name);
        let is_part = self.rules.part_types.contains(&name)
            || ["Connection", "Edge", "Payload"].iter().any(|end| name.ends_with(end));
        if is_object && !is_part { OBJECT } else { 0 }
    }

    /// The table in `docs/cost.md`: every field that costs something.
    pub fn table(self) -> String {
        let mut fields: Vec<(&str, &str)> = Vec::new();
        for (parent, own) in self.types.composites.iter().filter(|(name, _)| !self.types.possible.contains_key(*name)) {
            fields.extend(own.keys().map(|field| (parent.as_str(), field.as_str())));
        }
        fields.sort_unstable();
        let mut table = "| field | cost |\n| --- | --- |\n".to_owned();
        for (parent, field) in fields {
            let rule = self.rule(parent, field);
            let Some(ty) = self.types.field(parent, field) else { continue };
            let base = base_name(&ty.base);
            let is_object = self.types.composites.contains_key(base);
            let mut parts = Vec::new();
            if rule.price > 0 {
                parts.push(rule.price.to_string());
            }
            let each = self.object_price(base);
            let content = match each {
                0 => "what is selected of it".to_owned(),
                _ => format!("({each} + what is selected of it)"),
            };
            let path = |path: ArgumentPath| format!("`{}`", path.join("."));
            match rule.size {
                ListSize::One if each > 0 => parts.push(format!("{each} + what is selected of it")),
                ListSize::One if is_object => parts.push(content),
                ListSize::One => {}
                ListSize::Page(bounds) => {
                    let bounds: String =
                        bounds.iter().map(|bound| format!(", at most the length of {}", path(bound))).collect();
                    parts.push(format!("what is selected of the page (`first` or `last`{bounds})"));
                }
                ListSize::OfPage => parts.push(format!("size of the page × {content}")),
                ListSize::First(default) => parts.push(format!("`first`, else {default}, × {content}")),
                ListSize::LengthOf(list) => parts.push(format!("length of {} × {content}", path(list))),
                ListSize::Assumed(size) => parts.push(format!("{size} × {content}")),
            }
            for argument in rule.arguments {
                let of = path(argument.path);
                parts.push(match argument.each {
                    true => format!("{} for each of {of}", argument.price),
                    false => format!("{} with {of}", argument.price),
                });
            }
            if matches!(parts.as_slice(), [] | [_]) && rule.price == 0 && rule.size == ListSize::One {
                continue;
            }
            // Writing to memory does not fail.
            let _ = writeln!(table, "| `{parent}.{field}` | {} |", parts.join(" + "));
        }
        for field in ["__schema", "__type"] {
            let _ = writeln!(table, "| `Query.{field}` | {} |", self.rule("Query", field).price);
        }
        table
    }

    /// What the rules miss: lists of objects without a size, and rules for fields or types that do not exist.
    #[cfg(test)]
    pub fn gaps(self) -> Vec<String> {
        let mut gaps: Vec<String> = Vec::new();
        for super::rules::FieldCost { type_name, field, .. } in self.rules.all() {
            if self.types.field(type_name, field).is_none() {
                gaps.push(format!("{type_name}.{field} does not exist"));
            }
        }
        for part in self.rules.part_types {
            if !self.types.composites.contains_key(*part) {
                gaps.push(format!("{part} does not exist"));
            }
        }
        for (parent, own) in &self.types.composites {
            for (field, definition) in own {
                let ty = &definition.ty;
                let is_list = matches!(ty.base, async_graphql::parser::types::BaseType::List(_));
                if is_list
                    && self.object_price(base_name(&ty.base)) > 0
                    && self.rule(parent, field).size == ListSize::One
                {
                    gaps.push(format!("{parent}.{field} is a list without a size"));
                }
            }
        }
        gaps
    }
}

/// Whether a type is a page of a list.
fn is_connection(name: &str) -> bool {
    name.ends_with("Connection")
}

/// The page size that the arguments ask for.
pub(super) fn page_size(first: Option<u64>, last: Option<u64>) -> u64 {
    first.max(last).unwrap_or(DEFAULT_PAGE_SIZE.into())
}

/// The largest page size that is counted. The resolver refuses a larger one with a better error than a cost limit.
pub(super) const LARGEST: u64 = MAX_PAGE_SIZE as u64;
