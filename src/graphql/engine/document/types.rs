//! The types of a schema, looked up by name while documents are checked and planned.

use std::collections::HashMap;

use apollo_compiler::{Name, Schema, ast::FieldDefinition, schema::ExtendedType, validation::Valid};
use async_graphql_value::ConstValue;

/// A custom scalar of the schema, which the schema hands to the engine.
#[derive(Debug, Clone, Copy)]
pub struct ScalarRule {
    /// Name of the scalar type.
    pub name: &'static str,
    /// Coerces an input value as the resolvers do. Fails with the reason why it is not a value of the scalar.
    pub check: fn(ConstValue) -> Result<(), String>,
}

/// The schema in the schema definition language is not valid.
#[derive(Debug, thiserror::Error)]
#[error("the schema is not valid: {0}")]
pub struct InvalidSchema(pub(super) String);

/// The types of a valid schema.
pub(crate) struct SchemaTypes {
    schema: Valid<Schema>,
    /// The object types of each interface and union, in the order of the schema.
    possible: HashMap<Name, Vec<Name>>,
    scalars: &'static [ScalarRule],
}

impl SchemaTypes {
    /// Parses a schema in the schema definition language. `scalars` has its custom scalars; a scalar that is not in it
    /// takes any value.
    pub(super) fn new(sdl: &str, scalars: &'static [ScalarRule]) -> Result<Self, InvalidSchema> {
        let schema = Schema::parse_and_validate(sdl, "schema.graphql");
        let schema = schema.map_err(|invalid| InvalidSchema(invalid.errors.to_string()))?;
        let mut possible: HashMap<Name, Vec<Name>> = HashMap::new();
        for (name, ty) in &schema.types {
            match ty {
                ExtendedType::Object(object) => {
                    for interface in &object.implements_interfaces {
                        possible.entry(interface.name.clone()).or_default().push(name.clone());
                    }
                }
                ExtendedType::Union(union) => {
                    possible.insert(name.clone(), union.members.iter().map(|member| member.name.clone()).collect());
                }
                _ => {}
            }
        }
        Ok(Self { schema, possible, scalars })
    }

    pub(super) fn schema(&self) -> &Valid<Schema> {
        &self.schema
    }

    /// A field of an object or interface, introspection included.
    pub(super) fn field(&self, parent: &str, field: &str) -> Option<&FieldDefinition> {
        self.schema.type_field(parent, field).ok().map(|field| &***field)
    }

    /// The object types that a value of this type can have: of an interface or union those that implement it or are its
    /// members, of an object type itself. Empty for scalars and enums.
    pub(super) fn possible_types(&self, name: &str) -> &[Name] {
        match self.schema.types.get_full(name) {
            Some((_, own, ExtendedType::Object(_))) => std::slice::from_ref(own),
            _ => self.possible.get(name).map_or(&[], Vec::as_slice),
        }
    }

    /// Whether values of this type can be of several object types.
    pub(super) fn is_abstract(&self, name: &str) -> bool {
        matches!(self.schema.types.get(name), Some(ExtendedType::Interface(_) | ExtendedType::Union(_)))
    }

    /// Whether objects of the type `object` match the type condition `condition`.
    pub(super) fn is_a(&self, object: &str, condition: &str) -> bool {
        object == condition || self.schema.is_subtype(condition, object)
    }

    /// A custom scalar by its name; `None` for other types, and for scalars that take any value.
    pub(super) fn scalar(&self, name: &str) -> Option<&ScalarRule> {
        self.scalars.iter().find(|scalar| scalar.name == name)
    }
}
