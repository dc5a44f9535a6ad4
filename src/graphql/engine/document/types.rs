//! The types of a schema, looked up by name when documents are checked.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Positioned,
    parser::{
        parse_schema,
        types::{BaseType, FieldDefinition, InputValueDefinition, OperationType, Type, TypeKind, TypeSystemDefinition},
    },
};

/// The schema in the schema definition language is not valid.
#[derive(Debug, thiserror::Error)]
#[error("the schema is not valid: {0}")]
pub struct InvalidSchema(pub(super) String);

/// The types of a schema by name.
#[derive(Default)]
pub(crate) struct SchemaTypes {
    /// Objects and interfaces with their fields.
    pub(super) composites: HashMap<Name, HashMap<Name, Field>>,
    /// The object types of each interface and union.
    pub(super) possible: HashMap<Name, Vec<Name>>,
    /// Enums and input objects; every other input type is a scalar.
    pub(super) inputs: HashMap<Name, Input>,
    query: Option<Name>,
    mutation: Option<Name>,
    subscription: Option<Name>,
}

/// A field of an object or interface.
pub(super) struct Field {
    pub(super) ty: Type,
    arguments: HashMap<Name, InputValue>,
}

/// An input type that is not a scalar.
pub(super) enum Input {
    /// The names of its values.
    Enum(HashSet<Name>),
    /// Its fields by name.
    Object(HashMap<Name, InputValue>),
}

/// An argument of a field, or a field of an input object.
pub(super) struct InputValue {
    pub(super) ty: Type,
    pub(super) has_default: bool,
}

impl SchemaTypes {
    /// Parses a schema in the schema definition language, as the library prints it. Text that does not parse gives no
    /// types.
    pub(super) fn new(sdl: &str) -> Self {
        let mut types = Self::default();
        for definition in parse_schema(sdl).map(|schema| schema.definitions).unwrap_or_default() {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    let name = |name: Option<Positioned<Name>>| name.map(|name| name.node);
                    types.query = name(schema.node.query);
                    types.mutation = name(schema.node.mutation);
                    types.subscription = name(schema.node.subscription);
                }
                TypeSystemDefinition::Type(definition) => {
                    types.add(definition.node.name.node, definition.node.kind);
                }
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        types
    }

    fn add(&mut self, name: Name, kind: TypeKind) {
        match kind {
            TypeKind::Object(object) => {
                for interface in object.implements {
                    self.possible.entry(interface.node).or_default().push(name.clone());
                }
                self.composites.insert(name, fields(object.fields));
            }
            TypeKind::Interface(interface) => {
                self.composites.insert(name, fields(interface.fields));
            }
            TypeKind::Union(union) => {
                self.possible.insert(name, union.members.into_iter().map(|member| member.node).collect());
            }
            TypeKind::Enum(values) => {
                let values = values.values.into_iter().map(|value| value.node.value.node).collect();
                self.inputs.insert(name, Input::Enum(values));
            }
            TypeKind::InputObject(object) => {
                self.inputs.insert(name, Input::Object(inputs(object.fields)));
            }
            TypeKind::Scalar => {}
        }
    }

    /// The type that an operation selects from.
    pub(super) fn root(&self, operation: OperationType) -> Option<&Name> {
        match operation {
            OperationType::Query => self.query.as_ref(),
            OperationType::Mutation => self.mutation.as_ref(),
            OperationType::Subscription => self.subscription.as_ref(),
        }
    }

    /// The type of a field; `None` for introspection.
    pub(super) fn field(&self, parent: &str, field: &str) -> Option<&Type> {
        Some(&self.composites.get(parent)?.get(field)?.ty)
    }

    /// The type of an argument of a field.
    pub(super) fn argument(&self, parent: &str, field: &str, argument: &str) -> Option<&Type> {
        Some(&self.composites.get(parent)?.get(field)?.arguments.get(argument)?.ty)
    }

    /// Whether objects of the type `object` match the type condition `condition`.
    pub(super) fn is_a(&self, object: &str, condition: &str) -> bool {
        object == condition
            || self.possible.get(condition).is_some_and(|possible| possible.iter().any(|name| name == object))
    }
}

fn fields(fields: Vec<Positioned<FieldDefinition>>) -> HashMap<Name, Field> {
    let field =
        |FieldDefinition { name, ty, arguments, .. }| (name.node, Field { ty: ty.node, arguments: inputs(arguments) });
    fields.into_iter().map(|definition| field(definition.node)).collect()
}

fn inputs(inputs: Vec<Positioned<InputValueDefinition>>) -> HashMap<Name, InputValue> {
    let input = |InputValueDefinition { name, ty, default_value, .. }| {
        (name.node, InputValue { ty: ty.node, has_default: default_value.is_some() })
    };
    inputs.into_iter().map(|definition| input(definition.node)).collect()
}

/// The innermost type of a list.
pub(super) fn base_name(base: &BaseType) -> &Name {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(item) => base_name(&item.base),
    }
}
