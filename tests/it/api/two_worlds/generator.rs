//! Writes queries from the schema, with values from what exists in either world.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::types::{BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind};
use serde_json::{Value, json};

use crate::support::{data::at, schema};

/// SKUs, numbers, labels and words of what is visible or hidden, and one that nothing has.
const TEXTS: [&str; 10] = ["lamp", "old", "secret", "count", "mine 1", "hidden 1", "gift", "rare", "France", "nothing"];

/// How many values of each field pairs have.
const SOME: usize = 4;

/// A schema, and values for its ids.
pub struct Generator {
    types: BTreeMap<String, TypeDefinition>,
    ids: BTreeSet<String>,
}

fn name(ty: &Type) -> &str {
    schema::base_name(&ty.base)
}

fn is_list(ty: &Type) -> bool {
    matches!(ty.base, BaseType::List(_))
}

impl Generator {
    /// Reads the schema. `ids` are the values of ids.
    pub fn new(sdl: &str, ids: BTreeSet<String>) -> Self {
        Self { types: schema::types(sdl), ids }
    }

    /// The fields of an object or interface.
    pub fn fields(&self, ty: &str) -> Vec<&FieldDefinition> {
        schema::fields(&self.types[ty].kind)
    }

    fn is_leaf(&self, ty: &str) -> bool {
        self.types.get(ty).is_none_or(|ty| matches!(ty.kind, TypeKind::Scalar | TypeKind::Enum(_)))
    }

    /// All fields of a type that need no argument, and those of the objects in them down to `depth`. Positions in the
    /// log are left out: each database has a log of its own.
    fn selection(&self, ty: &str, depth: usize) -> String {
        let mut selected = vec!["__typename".to_owned()];
        for field in self.fields(ty) {
            let field_type = name(&field.ty.node);
            let wrapper = ty.ends_with("Connection") || ty.ends_with("Edge");
            if field_type == "EventCursor" {
                continue;
            } else if self.is_leaf(field_type) {
                selected.push(field.name.node.to_string());
            } else if depth > 0 || wrapper {
                let depth = if wrapper { depth } else { depth - 1 };
                selected.push(format!("{} {}", field.name.node, self.selection(field_type, depth)));
            }
        }
        if let TypeKind::Interface(_) = &self.types[ty].kind {
            for object in self.types.values().filter(|other| {
                matches!(&other.kind, TypeKind::Object(object) if object.implements.iter().any(|name| name.node == ty))
            }) {
                selected.push(format!("... on {} {}", object.name.node, self.selection(&object.name.node, depth)));
            }
        }
        format!("{{ {} }}", selected.join(" "))
    }

    /// Values for a type of input.
    fn values(&self, ty: &Type) -> Vec<Value> {
        let values: Vec<Value> = match name(ty) {
            "ID" => self.ids.iter().map(|id| json!(id)).collect(),
            "String" => TEXTS.iter().map(|text| json!(text)).collect(),
            "Boolean" => vec![json!(true), json!(false)],
            "Int" => vec![json!(1), json!(2)],
            "Decimal" => vec![json!("0"), json!("2.5"), json!("100")],
            "DateTime" => [at(-60), at(0), at(60)].iter().map(|time| json!(time.to_string())).collect(),
            other => match &self.types[other].kind {
                TypeKind::Enum(values) => values.values.iter().map(|value| json!(value.node.value.node)).collect(),
                TypeKind::InputObject(input) => self.objects(input.fields.iter().map(|field| &field.node)),
                _ => panic!("no values for {other}"),
            },
        };
        if is_list(ty) { values.into_iter().map(|value| json!([value])).collect() } else { values }
    }

    /// Objects with two of the fields, for some values of each.
    fn pairs<'a>(&self, fields: impl Iterator<Item = &'a InputValueDefinition>) -> Vec<Value> {
        let some = |field: &InputValueDefinition| {
            let values = self.values(&field.ty.node);
            let step = values.len().div_ceil(SOME).max(1);
            values.into_iter().step_by(step).map(|value| (field.name.node.to_string(), value)).collect::<Vec<_>>()
        };
        let fields: Vec<Vec<(String, Value)>> = fields.map(some).collect();
        let mut pairs = Vec::new();
        for (place, one) in fields.iter().enumerate() {
            for other in &fields[place + 1..] {
                for (name, value) in one {
                    pairs.extend(other.iter().map(|(second, also)| json!({ name: value, second: also })));
                }
            }
        }
        pairs
    }

    /// Objects with each combination of the required fields, or with one optional field.
    fn objects<'a>(&self, fields: impl Iterator<Item = &'a InputValueDefinition>) -> Vec<Value> {
        let (required, optional): (Vec<&InputValueDefinition>, Vec<&InputValueDefinition>) =
            fields.partition(|field| !field.ty.node.nullable);
        let with = |objects: &[Value], field: &InputValueDefinition| -> Vec<Value> {
            let values = self.values(&field.ty.node);
            let with = |object: &Value, value: &Value| {
                let mut object = object.clone();
                object[field.name.node.as_str()] = value.clone();
                object
            };
            objects.iter().flat_map(|object| values.iter().map(move |value| with(object, value))).collect()
        };
        let mut objects = vec![json!({})];
        for field in required {
            objects = with(&objects, field);
        }
        let more: Vec<Value> = optional.iter().flat_map(|field| with(&objects, field)).collect();
        objects.into_iter().chain(more).collect()
    }

    /// Variables for the arguments of a field: each value of each argument, and each filter with a sorting.
    pub fn variables(&self, field: &FieldDefinition) -> Vec<Value> {
        let arguments = || field.arguments.iter().map(|argument| &argument.node);
        let sortings = arguments().find(|argument| argument.name.node == "orderBy");
        let sortings = sortings.map_or_else(Vec::new, |argument| self.values(&argument.ty.node));
        let mut variables =
            if arguments().all(|argument| argument.ty.node.nullable) { vec![json!({})] } else { vec![] };
        for argument in arguments().filter(|argument| !["after", "before"].contains(&argument.name.node.as_str())) {
            for (index, value) in self.values(&argument.ty.node).into_iter().enumerate() {
                let name = argument.name.node.as_str();
                variables.push(json!({ name: value }));
                if name == "filter" && !sortings.is_empty() && index % 2 == 0 {
                    let end = ["first", "last"][index / 2 % 2];
                    variables.push(json!({ name: value, "orderBy": sortings[index % sortings.len()], end: 1 }));
                }
            }
        }
        for argument in arguments().filter(|argument| argument.name.node == "filter") {
            let TypeKind::InputObject(filter) = &self.types[name(&argument.ty.node)].kind else { continue };
            let pairs = self.pairs(filter.fields.iter().map(|field| &field.node));
            variables.extend(pairs.into_iter().map(|filter| json!({ "filter": filter })));
        }
        variables
    }

    /// A query of a field with all its arguments as variables, inside of `parent`.
    pub fn document(&self, parent: &str, field: &FieldDefinition) -> String {
        self.operation("query", parent, field)
    }

    /// A subscription to a field with all its arguments as variables.
    pub fn subscription(&self, field: &FieldDefinition) -> String {
        self.operation("subscription", "", field)
    }

    fn operation(&self, kind: &str, parent: &str, field: &FieldDefinition) -> String {
        let arguments = || field.arguments.iter().map(|argument| &argument.node);
        let declared: Vec<_> =
            arguments().map(|argument| format!("${}: {}", argument.name.node, argument.ty.node)).collect();
        let passed: Vec<_> = arguments().map(|argument| format!("{0}: ${0}", argument.name.node)).collect();
        let selection = self.selection(name(&field.ty.node), 1);
        let close = " }".repeat(parent.matches('{').count());
        let (declared, passed) = (declared.join(", "), passed.join(", "));
        format!("{kind} ({declared}) {{ {parent} {}({passed}) {selection} }}{close}", field.name.node)
    }
}
