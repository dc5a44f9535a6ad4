//! The types of a schema, looked up by name while documents are checked and planned.

use apollo_compiler::{
    Name, Schema,
    ast::{DirectiveDefinition, DirectiveLocation, FieldDefinition},
    collections::HashMap,
    name,
    schema::{ExtendedType, Implementers},
    validation::{DiagnosticList, Valid},
};
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

/// The field of introspection that the parser of schemas does not know.
const MISSING_FIELD: &str = "extend type __Type { isOneOf: Boolean }";

/// The built-in directive that the parser of schemas does not know, for a schema that does not define it.
fn one_of() -> DirectiveDefinition {
    DirectiveDefinition {
        description: Some("Indicates exactly one field must be supplied and this field must not be `null`.".into()),
        name: name!("oneOf"),
        arguments: Vec::new(),
        repeatable: false,
        locations: vec![DirectiveLocation::InputObject],
    }
}

/// The types of a valid schema.
pub(crate) struct SchemaTypes {
    schema: Valid<Schema>,
    /// The types that implement each interface.
    implementers: HashMap<Name, Implementers>,
    scalars: &'static [ScalarRule],
}

impl SchemaTypes {
    /// Parses a schema in the schema definition language. `scalars` has its custom scalars; a scalar that is not in it
    /// takes any value.
    pub(super) fn new(sdl: &str, scalars: &'static [ScalarRule]) -> Result<Self, InvalidSchema> {
        let invalid = |errors: DiagnosticList| InvalidSchema(errors.to_string());
        let builder = Schema::builder().parse(sdl, "schema.graphql").parse(MISSING_FIELD, "introspection.graphql");
        let mut schema = builder.build().map_err(|failed| invalid(failed.errors))?;
        schema.directive_definitions.entry(name!("oneOf")).or_insert_with(|| one_of().into());
        let schema = schema.validate().map_err(|failed| invalid(failed.errors))?;
        Ok(Self { implementers: schema.implementers_map(), schema, scalars })
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
    pub(super) fn possible_types(&self, name: &str) -> Vec<&Name> {
        match self.schema.types.get_full(name) {
            Some((_, own, ExtendedType::Object(_))) => vec![own],
            Some((_, _, ExtendedType::Union(union))) => union.members.iter().map(|member| &member.name).collect(),
            _ => self.implementers.get(name).map_or_else(Vec::new, |types| types.objects.iter().collect()),
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
