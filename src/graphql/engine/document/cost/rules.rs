//! What each field costs. `docs/cost.md` is written from here.

use std::fmt::Write;

use crate::graphql::engine::{
    document::types::{SchemaTypes, base_name},
    page_size::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE},
};

/// Names of an argument and the input fields in it, outermost first.
pub(super) type Path = &'static [&'static str];

/// How much a field costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// For itself, once.
    pub price: u64,
    /// How many objects it is expected to give.
    pub size: Size,
    /// What arguments add.
    pub extras: &'static [Extra],
}

/// How many objects a field gives at most, or is expected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    One,
    /// A page of a connection, whose size its `nodes` and `edges` have; no more than these lists are long.
    Page(&'static [Path]),
    /// As many as the page has that it belongs to.
    OfPage,
    /// The argument `first`, or else this many.
    First(u64),
    /// As long as this list.
    LengthOf(Path),
    /// A list that is not paged.
    Assumed(u64),
}

/// What an argument adds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extra {
    pub path: Path,
    pub price: u64,
    /// For each item of the list that it is, rather than for being there.
    pub each: bool,
}

/// An object; none for what is a part of the object around it.
const OBJECT: u64 = 1;
const PARTS: [&str; 3] = ["Money", "PageInfo", "UserError"];
/// One request to the database.
const LIST: u64 = 1;
const COUNT: u64 = 10;
const MUTATION: u64 = 10;
/// Hashes a password, on purpose slowly.
const PASSWORD: u64 = 50;
const SCHEMA: u64 = 100;
const SCHEMA_TYPE: u64 = 10;

const SEARCH: Extra = Extra { path: &["filter", "search"], price: 10, each: false };

const PLAIN: Rule = Rule { price: 0, size: Size::One, extras: &[] };

/// The fields that differ from what their type says.
const FIELDS: &[(&str, &str, Rule)] = &[
    ("Query", "nodes", Rule { size: Size::LengthOf(&["ids"]), ..PLAIN }),
    (
        "Query",
        "products",
        Rule { price: LIST, size: Size::Page(&[&["filter", "ids"], &["filter", "skus"]]), extras: &[SEARCH] },
    ),
    ("Query", "trendingProducts", Rule { price: 10, size: Size::First(10), ..PLAIN }),
    ("Query", "users", Rule { price: LIST, size: Size::Page(&[]), extras: &[SEARCH] }),
    ("Query", "tasks", Rule { price: LIST, size: Size::Page(&[]), extras: &[SEARCH] }),
    ("User", "tasks", Rule { price: LIST, size: Size::Page(&[]), extras: &[SEARCH] }),
    ("Order", "tasks", Rule { price: LIST, size: Size::Page(&[]), extras: &[SEARCH] }),
    ("Order", "items", Rule { size: Size::Assumed(20), ..PLAIN }),
    ("Order", "history", Rule { size: Size::Assumed(5), ..PLAIN }),
    ("Mutation", "register", Rule { price: PASSWORD, ..PLAIN }),
    ("Mutation", "login", Rule { price: PASSWORD, ..PLAIN }),
    ("Mutation", "changePassword", Rule { price: 2 * PASSWORD, ..PLAIN }),
    (
        "Mutation",
        "placeOrder",
        Rule { price: 20, extras: &[Extra { path: &["input", "items"], price: 1, each: true }], ..PLAIN },
    ),
    ("Subscription", "stockUpdates", Rule { size: Size::LengthOf(&["productIds"]), ..PLAIN }),
];

/// What a field costs; without an entry in [`FIELDS`], by its type.
pub(super) fn rule(types: &SchemaTypes, parent: &str, field: &str) -> Rule {
    match field {
        "__schema" => return Rule { price: SCHEMA, ..PLAIN },
        "__type" => return Rule { price: SCHEMA_TYPE, ..PLAIN },
        _ => {}
    }
    if let Some((_, _, rule)) = FIELDS.iter().find(|(ty, name, _)| *ty == parent && *name == field) {
        return *rule;
    }
    let Some(ty) = types.field(parent, field) else { return PLAIN };
    let base = base_name(&ty.base);
    if is_connection(base) {
        return Rule { price: LIST, size: Size::Page(&[]), ..PLAIN };
    }
    if is_connection(parent) {
        return match field {
            "totalCount" => Rule { price: COUNT, ..PLAIN },
            "nodes" | "edges" => Rule { size: Size::OfPage, ..PLAIN },
            _ => PLAIN,
        };
    }
    let price = if types.is_mutation(parent) { MUTATION } else { 0 };
    Rule { price, ..PLAIN }
}

/// What one object of this type costs.
pub(super) fn object_price(types: &SchemaTypes, name: &str) -> u64 {
    let is_object = types.composites.contains_key(name) || types.possible.contains_key(name);
    let is_part = PARTS.contains(&name) || ["Connection", "Edge", "Payload"].iter().any(|end| name.ends_with(end));
    if is_object && !is_part { OBJECT } else { 0 }
}

/// Whether a type is a page of a list.
pub(super) fn is_connection(name: &str) -> bool {
    name.ends_with("Connection")
}

/// The size of a page as its arguments ask for it.
pub(super) fn page_size(first: Option<u64>, last: Option<u64>) -> u64 {
    first.max(last).unwrap_or(DEFAULT_PAGE_SIZE.into())
}

/// What is more than the largest page is refused anyway, with a better reason.
pub(super) const LARGEST: u64 = MAX_PAGE_SIZE as u64;

/// The table in `docs/cost.md`: every field that costs something, by the types of the schema.
pub(super) fn table(types: &SchemaTypes) -> String {
    let mut fields: Vec<(&str, &str)> = Vec::new();
    for (parent, own) in types.composites.iter().filter(|(name, _)| !types.possible.contains_key(*name)) {
        fields.extend(own.keys().map(|field| (parent.as_str(), field.as_str())));
    }
    fields.sort_unstable();
    let mut table = "| field | cost |\n| --- | --- |\n".to_owned();
    for (parent, field) in fields {
        let rule = rule(types, parent, field);
        let Some(ty) = types.field(parent, field) else { continue };
        let base = base_name(&ty.base);
        let is_object = types.composites.contains_key(base);
        let mut parts = Vec::new();
        if rule.price > 0 {
            parts.push(rule.price.to_string());
        }
        let each = object_price(types, base);
        let content = match each {
            0 => "what is selected of it".to_owned(),
            _ => format!("({each} + what is selected of it)"),
        };
        let path = |path: Path| format!("`{}`", path.join("."));
        match rule.size {
            Size::One if each > 0 => parts.push(format!("{each} + what is selected of it")),
            Size::One if is_object => parts.push(content),
            Size::One => {}
            Size::Page(bounds) => {
                let bounds: String =
                    bounds.iter().map(|bound| format!(", at most the length of {}", path(bound))).collect();
                parts.push(format!("what is selected of the page (`first` or `last`{bounds})"));
            }
            Size::OfPage => parts.push(format!("size of the page × {content}")),
            Size::First(default) => parts.push(format!("`first`, else {default}, × {content}")),
            Size::LengthOf(list) => parts.push(format!("length of {} × {content}", path(list))),
            Size::Assumed(size) => parts.push(format!("{size} × {content}")),
        }
        for extra in rule.extras {
            let of = path(extra.path);
            parts.push(match extra.each {
                true => format!("{} for each of {of}", extra.price),
                false => format!("{} with {of}", extra.price),
            });
        }
        if matches!(parts.as_slice(), [] | [_]) && rule.price == 0 && rule.size == Size::One {
            continue;
        }
        // Written to memory, which does not fail.
        let _ = writeln!(table, "| `{parent}.{field}` | {} |", parts.join(" + "));
    }
    for field in ["__schema", "__type"] {
        let _ = writeln!(table, "| `Query.{field}` | {} |", rule(types, "Query", field).price);
    }
    table
}

/// The lists of objects that have no size of their own, and the entries of [`FIELDS`] that name no field: none, or the
/// model is not whole.
#[cfg(test)]
pub(super) fn gaps(types: &SchemaTypes) -> Vec<String> {
    let mut gaps: Vec<String> = Vec::new();
    for (parent, field, _) in FIELDS {
        if types.field(parent, field).is_none() {
            gaps.push(format!("{parent}.{field} does not exist"));
        }
    }
    for (parent, own) in &types.composites {
        for (field, definition) in own {
            let ty = &definition.ty;
            let is_list = matches!(ty.base, async_graphql::parser::types::BaseType::List(_));
            if is_list && object_price(types, base_name(&ty.base)) > 0 && rule(types, parent, field).size == Size::One {
                gaps.push(format!("{parent}.{field} is a list without a size"));
            }
        }
    }
    gaps
}
