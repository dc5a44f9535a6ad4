//! The lists of the schema, and queries of them.

use std::collections::BTreeMap;

use async_graphql::parser::types::{BaseType, InputValueDefinition, Type, TypeKind};
use serde_json::Value;

use crate::support::schema::published;

/// Arguments that choose the page.
const PAGE: [&str; 4] = ["first", "after", "last", "before"];

/// A list of the schema: the object that has it, its name, and its other arguments.
pub struct List {
    pub object: String,
    pub name: String,
    pub arguments: Vec<(String, Type)>,
}

/// The types of the schema, as far as lists and their arguments need them.
pub struct Schema {
    pub lists: Vec<List>,
    enums: BTreeMap<String, Vec<String>>,
    inputs: BTreeMap<String, Vec<(String, Type)>>,
}

impl Schema {
    pub fn load() -> Self {
        let mut schema = Self { lists: Vec::new(), enums: BTreeMap::new(), inputs: BTreeMap::new() };
        for (type_name, definition) in published() {
            match definition.kind {
                TypeKind::Object(object) => schema.lists.extend(object.fields.into_iter().filter_map(|field| {
                    let mut arguments = named(field.node.arguments);
                    let has = |wanted: &str| arguments.iter().any(|(name, _)| name == wanted);
                    let pages = has("first") && has("after");
                    arguments.retain(|(name, _)| !PAGE.contains(&name.as_str()));
                    let name = field.node.name.node.to_string();
                    pages.then(|| List { object: type_name.clone(), name, arguments })
                })),
                TypeKind::Enum(kind) => {
                    let values = kind.values.into_iter().map(|value| value.node.value.node.to_string()).collect();
                    schema.enums.insert(type_name, values);
                }
                TypeKind::InputObject(input) => _ = schema.inputs.insert(type_name, named(input.fields)),
                _ => {}
            }
        }
        schema
    }

    /// Literals of a type, each with what it is called; those that a field refuses are left out later.
    pub fn literals(&self, ty: &Type, ids: &[String]) -> Vec<String> {
        let name = match &ty.base {
            BaseType::List(inner) => {
                return self.literals(inner, ids).into_iter().map(|value| format!("[{value}]")).collect();
            }
            BaseType::Named(name) => name.as_str(),
        };
        if let Some(values) = self.enums.get(name) {
            return values.clone();
        }
        if let Some(fields) = self.inputs.get(name) {
            let required: Vec<_> = fields.iter().filter(|(_, ty)| !ty.nullable).collect();
            return match required.as_slice() {
                [] => fields
                    .iter()
                    .flat_map(|(name, ty)| {
                        self.literals(ty, ids).into_iter().map(move |value| format!("{{ {name}: {value} }}"))
                    })
                    .collect(),
                required => {
                    let mut objects = vec![String::new()];
                    for (name, ty) in required {
                        let values = self.literals(ty, ids);
                        objects = objects
                            .iter()
                            .flat_map(|object| values.iter().map(move |value| format!("{object} {name}: {value}")))
                            .collect();
                    }
                    objects.into_iter().map(|object| format!("{{{object} }}")).collect()
                }
            };
        }
        let texts: &[&str] = match name {
            "ID" => return ids.iter().map(|id| format!("{id:?}")).collect(),
            "String" => &["\"common\"", "\"common lamp\""],
            "Boolean" => &["true", "false"],
            "Int" => &["1"],
            "Decimal" => &["\"0\"", "\"1000\""],
            "DateTime" => &["\"2000-01-01T00:00:00Z\"", "\"2100-01-01T00:00:00Z\""],
            other => panic!("say here which values of {other} to try"),
        };
        texts.iter().map(|text| (*text).to_owned()).collect()
    }
}

fn named(fields: Vec<async_graphql::Positioned<InputValueDefinition>>) -> Vec<(String, Type)> {
    fields.into_iter().map(|field| (field.node.name.node.to_string(), field.node.ty.node)).collect()
}

impl List {
    /// The query of a page.
    pub fn query(&self, page: &str, arguments: &str, order: &str) -> String {
        let fields = "nodes { id } pageInfo { hasNextPage hasPreviousPage } totalCount";
        self.inside(&format!("{}({page} {arguments}) {{ {fields} }}", self.name), order)
    }

    /// The query of a page alone, without the number of all entries.
    pub fn page(&self, page: &str, arguments: &str) -> String {
        format!(
            "{{ {}({page} {arguments}) {{ nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage }} }} }}",
            self.name
        )
    }

    /// The query of the first pages with these arguments and with those.
    pub fn both(&self, these: &str, those: &str, order: &str) -> String {
        let page = |name: &str, arguments: &str| {
            format!("{name}: {}(first: 5 {arguments}) {{ nodes {{ id }} totalCount }}", self.name)
        };
        self.inside(&format!("{} {}", page("these", these), page("those", those)), order)
    }

    /// The query of the cursors of the whole list.
    pub fn whole(&self, arguments: &str, order: &str) -> String {
        self.inside(&format!("{}(first: 100 {arguments}) {{ edges {{ cursor }} }}", self.name), order)
    }

    fn inside(&self, lists: &str, order: &str) -> String {
        match self.object.as_str() {
            "Query" => format!("{{ {lists} }}"),
            "User" => format!("{{ me {{ {lists} }} }}"),
            "Order" => format!("{{ order(id: {order:?}) {{ {lists} }} }}"),
            "Webhook" => format!("{{ webhooks(first: 1) {{ nodes {{ {lists} }} }} }}"),
            other => panic!("say here how to reach an object of the type {other}"),
        }
    }
}

/// All cursors in an answer, in their order.
pub fn cursors(answer: &Value) -> Vec<String> {
    match answer {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                ("cursor", Value::String(cursor)) => vec![cursor.clone()],
                _ => cursors(value),
            })
            .collect(),
        Value::Array(values) => values.iter().flat_map(cursors).collect(),
        _ => Vec::new(),
    }
}

/// Two input objects as one; `None` if both have the same field.
pub fn merged(one: &str, other: &str) -> Option<String> {
    let inner = |object: &str| object.trim_start_matches('{').trim_end_matches('}').trim().to_owned();
    let field = |object: &str| inner(object).split(':').next().unwrap_or_default().to_owned();
    (field(one) != field(other)).then(|| format!("{{ {}, {} }}", inner(one), inner(other)))
}

/// The first and the last literal for each field of the input object.
pub fn first_and_last(objects: &[String]) -> Vec<String> {
    let field = |object: &String| object.split(':').next().unwrap_or_default().to_owned();
    let groups: Vec<&[String]> = objects.chunk_by(|one, other| field(one) == field(other)).collect();
    groups
        .into_iter()
        .flat_map(|group| [group.first(), group.last().filter(|_| group.len() > 1)])
        .flatten()
        .cloned()
        .collect()
}
