//! Writes the table in `docs/cost.md`.

use std::fmt::Write;

use apollo_compiler::Schema;

use super::{
    read::objects,
    rules::{ArgumentPath, CostRules, ListSize, Size},
};
use crate::graphql::engine::document::introspection::VALUES_PER_POINT;

/// The table: every field that costs something other than the rules say.
pub(super) fn table(rules: &CostRules, schema: &Schema) -> String {
    let mut fields: Vec<_> = objects(schema)
        .flat_map(|(parent, object)| object.fields.values().map(move |field| (parent, &field.name, &field.ty)))
        .collect();
    fields.sort_unstable_by_key(|(parent, field, _)| (*parent, *field));
    let mut table = "| field | cost |\n| --- | --- |\n".to_owned();
    for (parent, field, ty) in fields {
        let rule = rules.rule(parent, field);
        let base = ty.inner_named_type();
        let is_leaf = schema.types.get(base).is_some_and(|ty| ty.is_leaf());
        if rule.price == 0 && rule.arguments.is_empty() && rule.size == ListSize::One {
            continue;
        }
        let mut parts = Vec::new();
        if rule.price > 0 {
            parts.push(rule.price.to_string());
        }
        let each = rules.object_price(base);
        let content = match each {
            0 => "what is selected of it".to_owned(),
            _ => format!("({each} + what is selected of it)"),
        };
        match &rule.size {
            ListSize::One | ListSize::Page(_) if is_leaf => {}
            ListSize::One if each > 0 => parts.push(format!("{each} + what is selected of it")),
            ListSize::One => parts.push(content),
            ListSize::Page(size) => parts.push(format!("{each} + what is selected of the page ({})", size_text(size))),
            ListSize::OfPage => parts.push(format!("size of the page × {content}")),
            ListSize::List(size) if size.slicing.is_empty() => parts.push(format!("{} × {content}", size_text(size))),
            ListSize::List(size) => parts.push(format!("({}) × {content}", size_text(size))),
        }
        for argument in &rule.arguments {
            let of = path(&argument.path);
            parts.push(match argument.each {
                true => format!("{} for each of {of}", argument.price),
                false => format!("{} with {of}", argument.price),
            });
        }
        // Writing to memory does not fail.
        let _ = writeln!(table, "| `{parent}.{field}` | {} |", parts.join(" + "));
    }
    for field in ["__schema", "__type"] {
        let _ = writeln!(table, "| `Query.{field}` | 1 for each {VALUES_PER_POINT} values in its answer |");
    }
    table
}

fn path(path: &ArgumentPath) -> String {
    format!("`{}`", path.join("."))
}

fn size_text(size: &Size) -> String {
    let lengths: Vec<String> = size.bounds.iter().map(|bound| format!("the length of {}", path(bound))).collect();
    let slicing = size.slicing.iter().map(path).collect::<Vec<_>>().join(" or ");
    match (slicing.as_str(), lengths.as_slice()) {
        ("", []) => size.assumed.to_string(),
        ("", [length]) => length.clone(),
        ("", lengths) => format!("the least of {}", lengths.join(" and ")),
        (slicing, []) => format!("{slicing}, else {}", size.assumed),
        (slicing, lengths) => format!("{slicing}, else {}; at most {}", size.assumed, lengths.join(", at most ")),
    }
}
