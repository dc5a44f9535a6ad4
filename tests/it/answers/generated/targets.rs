//! The fields of the schema, and the ways to them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use async_graphql::parser::types::{FieldDefinition, InputValueDefinition, TypeKind};

use super::super::aliases;
use crate::support::schema::{base_name, objects, published};

/// The types of the schema.
pub struct Types {
    /// The object types with their fields.
    pub objects: BTreeMap<String, Vec<FieldDefinition>>,
    /// The interfaces with the object types that implement them.
    interfaces: BTreeMap<String, Vec<String>>,
}

/// A field, and the fields that lead to its object.
pub struct Target {
    path: Vec<String>,
    field: String,
}

impl Types {
    /// The types of the schema, and the names of those that are nodes.
    pub fn read() -> (Self, Vec<String>) {
        let mut interfaces: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, ty) in published() {
            if let TypeKind::Object(object) = &ty.kind {
                for interface in &object.implements {
                    interfaces.entry(interface.node.to_string()).or_default().push(name.clone());
                }
            }
        }
        let nodes = interfaces["Node"].clone();
        (Self { objects: objects(), interfaces }, nodes)
    }

    pub fn is_object(&self, field: &FieldDefinition) -> bool {
        self.objects.contains_key(base_name(&field.ty.node.base))
    }

    /// Every scalar field of the objects at most `depth` fields below this type, each by a shortest way.
    pub fn targets(&self, from: &str, depth: usize) -> Vec<Target> {
        let (mut targets, mut seen) = (Vec::new(), BTreeSet::from([from.to_owned()]));
        let mut open = VecDeque::from([(from.to_owned(), Vec::new())]);
        while let Some((name, path)) = open.pop_front() {
            let without_arguments =
                |field: &&FieldDefinition| field.arguments.iter().all(|given| is_optional(&given.node));
            for field in self.objects[&name].iter().filter(without_arguments) {
                let below = base_name(&field.ty.node.base).to_owned();
                let sized = field.arguments.iter().any(|argument| argument.node.name.node == "first");
                let step = format!("{}{}", field.name.node, if sized { "(first: $first)" } else { "" });
                let implementing = self.interfaces.get(&below);
                if !self.is_object(field) && implementing.is_none() {
                    targets.push(Target { path: path.clone(), field: field.name.node.to_string() });
                    continue;
                }
                if path.len() >= depth {
                    continue;
                }
                let through = |steps: &[String]| [&path[..], steps].concat();
                match implementing {
                    None if seen.insert(below.clone()) => open.push_back((below, through(&[step]))),
                    None => {}
                    Some(objects) => {
                        for object in objects.iter().filter(|object| seen.insert((*object).clone())) {
                            open.push_back((object.clone(), through(&[step.clone(), format!("... on {object}")])));
                        }
                    }
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
