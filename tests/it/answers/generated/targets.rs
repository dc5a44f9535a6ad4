//! The fields of the schema, and the ways to them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use async_graphql::parser::types::{FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind};

use super::super::aliases;
use crate::support::schema::{base_name, objects, published};

/// The object types of the schema with their fields.
pub struct Types(pub BTreeMap<String, Vec<FieldDefinition>>);

/// A field, and the fields that lead to its object.
pub struct Target {
    path: Vec<String>,
    field: String,
}

impl Types {
    pub fn read() -> (Self, Vec<String>) {
        let is_node = |ty: &TypeDefinition| match &ty.kind {
            TypeKind::Object(object) => object.implements.iter().any(|interface| interface.node == "Node"),
            _ => false,
        };
        let nodes = published().into_iter().filter(|(_, ty)| is_node(ty)).map(|(name, _)| name);
        (Self(objects()), nodes.collect())
    }

    pub fn is_object(&self, field: &FieldDefinition) -> bool {
        self.0.contains_key(base_name(&field.ty.node.base))
    }

    /// Every scalar field of the objects at most `depth` fields below this type, each by a shortest way.
    pub fn targets(&self, from: &str, depth: usize) -> Vec<Target> {
        let (mut targets, mut seen) = (Vec::new(), BTreeSet::from([from.to_owned()]));
        let mut open = VecDeque::from([(from.to_owned(), Vec::new())]);
        while let Some((name, path)) = open.pop_front() {
            for field in
                self.0[&name].iter().filter(|field| field.arguments.iter().all(|given| is_optional(&given.node)))
            {
                if !self.is_object(field) {
                    targets.push(Target { path: path.clone(), field: field.name.node.to_string() });
                    continue;
                }
                let below = base_name(&field.ty.node.base).to_owned();
                if path.len() < depth && seen.insert(below.clone()) {
                    let sized = field.arguments.iter().any(|argument| argument.node.name.node == "first");
                    let size = if sized { "(first: $first)" } else { "" };
                    open.push_back((below, [path.clone(), vec![format!("{}{size}", field.name.node)]].concat()));
                }
            }
        }
        targets
    }
}

impl Target {
    /// Selects 99 aliases of the field, in pages of this size.
    pub fn selection(&self, size: usize) -> String {
        let open: String = self.path.iter().map(|step| format!("{step} {{ ")).collect();
        let selected = format!("{open}{}{}", aliases(&self.field), "} ".repeat(self.path.len()));
        selected.replace("$first", &size.to_string())
    }
}

fn is_optional(argument: &InputValueDefinition) -> bool {
    argument.ty.node.nullable || argument.default_value.is_some()
}
