//! The values of the fields of introspection.

use std::borrow::Cow;

use apollo_compiler::{
    Name, Node,
    ast::{DirectiveDefinition, DirectiveList, EnumValueDefinition, FieldDefinition, InputValueDefinition, Type},
    collections::IndexMap,
    schema::{Component, ComponentName, ExtendedType},
};
use async_graphql::Variables;
use async_graphql_value::{ConstValue, Value as Argument};

use crate::graphql::engine::document::{plan::PlannedField, types::SchemaTypes};

/// An object of introspection.
#[derive(Clone, Copy)]
pub(super) enum Object<'a> {
    Schema,
    /// A type with a name.
    Named(&'a ExtendedType),
    /// A list; or a type that does not allow null, as long as this is not `nullable`.
    Wrapping {
        ty: &'a Type,
        nullable: bool,
    },
    Field(&'a FieldDefinition),
    InputValue(&'a InputValueDefinition),
    EnumValue(&'a EnumValueDefinition),
    Directive(&'a DirectiveDefinition),
}

/// The value of a field of introspection.
pub(super) enum Value<'a> {
    Null,
    Flag(bool),
    Text(Cow<'a, str>),
    Names(Vec<&'static str>),
    Object(Object<'a>),
    List(Vec<Object<'a>>),
}

/// A field that the schema's introspection types have and this module does not.
#[derive(Debug, thiserror::Error)]
#[error("the introspection field {parent}.{field} has no value")]
pub(super) struct UnknownField {
    parent: &'static str,
    field: String,
}

/// The fields of `__Type` that are null for some kinds of types.
const TYPE_FIELDS: [&str; 10] = [
    "name",
    "description",
    "specifiedByURL",
    "fields",
    "interfaces",
    "possibleTypes",
    "enumValues",
    "inputFields",
    "ofType",
    "isOneOf",
];

/// Finds the values of fields.
#[derive(Clone, Copy)]
pub(super) struct Resolver<'a> {
    pub types: &'a SchemaTypes,
    /// The values of the variables; `None` when they are not known, to find the most that they can lead to.
    pub variables: Option<&'a Variables>,
}

impl<'a> Resolver<'a> {
    /// The value of `__schema` or `__type`; `None` if the name of the type is null.
    pub fn root(self, field: &PlannedField) -> Option<Value<'a>> {
        match (field.name.as_str(), self.argument(field, "name")) {
            ("__schema", _) => Some(Value::Object(Object::Schema)),
            (_, Some(Argument::String(name))) => Some(self.named(&name)),
            (_, Some(Argument::Variable(_))) => Some(Value::List(self.all_types())),
            _ => None,
        }
    }

    /// The value of a field of an object.
    pub fn field(self, object: Object<'a>, field: &PlannedField) -> Result<Value<'a>, UnknownField> {
        let name = field.name.as_str();
        let value = match object {
            _ if name == "__typename" => Some(Value::Text(type_name(object).into())),
            Object::Schema => self.of_schema(name),
            Object::Named(ty) => self.of_type(ty, name, field),
            Object::Wrapping { ty, nullable } => self.of_wrapping_type(ty, nullable, name),
            Object::Field(definition) => match name {
                "name" => Some(text(&definition.name)),
                "description" => Some(optional(definition.description.as_deref())),
                "args" => Some(self.input_values(&definition.arguments, field)),
                "type" => Some(self.reference(&definition.ty)),
                _ => deprecation(&definition.directives, name),
            },
            Object::InputValue(definition) => match name {
                "name" => Some(text(&definition.name)),
                "description" => Some(optional(definition.description.as_deref())),
                "type" => Some(self.reference(&definition.ty)),
                "defaultValue" => Some(match &definition.default_value {
                    Some(value) => Value::Text(value.serialize().no_indent().to_string().into()),
                    None => Value::Null,
                }),
                _ => deprecation(&definition.directives, name),
            },
            Object::EnumValue(definition) => match name {
                "name" => Some(text(&definition.value)),
                "description" => Some(optional(definition.description.as_deref())),
                _ => deprecation(&definition.directives, name),
            },
            Object::Directive(definition) => match name {
                "name" => Some(text(&definition.name)),
                "description" => Some(optional(definition.description.as_deref())),
                "isRepeatable" => Some(Value::Flag(definition.repeatable)),
                "locations" => {
                    Some(Value::Names(definition.locations.iter().map(|location| location.name()).collect()))
                }
                "args" => Some(self.input_values(&definition.arguments, field)),
                _ => None,
            },
        };
        value.ok_or_else(|| UnknownField { parent: type_name(object), field: name.to_owned() })
    }

    fn of_schema(self, name: &str) -> Option<Value<'a>> {
        let schema = self.types.schema();
        let definition = &schema.schema_definition;
        let root = |name: &Option<ComponentName>| name.as_ref().map_or(Value::Null, |name| self.named(name));
        Some(match name {
            "description" => optional(definition.description.as_deref()),
            "types" => Value::List(self.all_types()),
            "queryType" => root(&definition.query),
            "mutationType" => root(&definition.mutation),
            "subscriptionType" => root(&definition.subscription),
            "directives" => {
                Value::List(schema.directive_definitions.values().map(|one| Object::Directive(one)).collect())
            }
            _ => return None,
        })
    }

    fn of_type(self, ty: &'a ExtendedType, name: &str, field: &PlannedField) -> Option<Value<'a>> {
        Some(match (name, ty) {
            ("kind", _) => Value::Text(kind(ty).into()),
            ("name", _) => text(ty.name()),
            ("description", _) => optional(ty.description().map(|description| &**description)),
            ("specifiedByURL", ExtendedType::Scalar(scalar)) => {
                let url = scalar.directives.get("specifiedBy").and_then(|by| by.specified_argument_by_name("url"));
                optional(url.and_then(|url| url.as_str()))
            }
            ("fields", ExtendedType::Object(object)) => self.fields(&object.fields, field),
            ("fields", ExtendedType::Interface(interface)) => self.fields(&interface.fields, field),
            ("interfaces", ExtendedType::Object(object)) => {
                self.all_named(object.implements_interfaces.iter().map(|one| &one.name))
            }
            ("interfaces", ExtendedType::Interface(interface)) => {
                self.all_named(interface.implements_interfaces.iter().map(|one| &one.name))
            }
            ("possibleTypes", ExtendedType::Interface(_) | ExtendedType::Union(_)) => {
                self.all_named(self.types.possible_types(ty.name()))
            }
            ("enumValues", ExtendedType::Enum(values)) => {
                let values = values.values.values().filter(|value| self.includes(&value.directives, field));
                Value::List(values.map(|value| Object::EnumValue(value)).collect())
            }
            ("inputFields", ExtendedType::InputObject(object)) => {
                self.input_values(object.fields.values().map(|one| &one.node), field)
            }
            ("isOneOf", ExtendedType::InputObject(object)) => Value::Flag(object.directives.has("oneOf")),
            (name, _) if TYPE_FIELDS.contains(&name) => Value::Null,
            _ => return None,
        })
    }

    fn of_wrapping_type(self, ty: &'a Type, nullable: bool, name: &str) -> Option<Value<'a>> {
        Some(match (name, ty) {
            ("kind", _) if ty.is_non_null() && !nullable => Value::Text("NON_NULL".into()),
            ("kind", _) => Value::Text("LIST".into()),
            ("ofType", Type::NonNullNamed(name) | Type::Named(name)) => self.named(name),
            ("ofType", Type::NonNullList(_)) if !nullable => Value::Object(Object::Wrapping { ty, nullable: true }),
            ("ofType", Type::NonNullList(item) | Type::List(item)) => self.reference(item),
            (name, _) if TYPE_FIELDS.contains(&name) => Value::Null,
            _ => return None,
        })
    }

    /// A type as a field or an argument refers to it.
    fn reference(self, ty: &'a Type) -> Value<'a> {
        match ty {
            Type::Named(name) => self.named(name),
            _ => Value::Object(Object::Wrapping { ty, nullable: false }),
        }
    }

    fn named(self, name: &str) -> Value<'a> {
        self.types.schema().types.get(name).map_or(Value::Null, |ty| Value::Object(Object::Named(ty)))
    }

    fn all_types(self) -> Vec<Object<'a>> {
        self.types.schema().types.values().map(Object::Named).collect()
    }

    fn all_named(self, names: impl IntoIterator<Item = &'a Name>) -> Value<'a> {
        let types = names.into_iter().filter_map(|name| self.types.schema().types.get(name));
        Value::List(types.map(Object::Named).collect())
    }

    fn fields(self, definitions: &'a IndexMap<Name, Component<FieldDefinition>>, field: &PlannedField) -> Value<'a> {
        let included = definitions.values().filter(|definition| self.includes(&definition.directives, field));
        Value::List(included.map(|definition| Object::Field(definition)).collect())
    }

    fn input_values(
        self,
        definitions: impl IntoIterator<Item = &'a Node<InputValueDefinition>>,
        field: &PlannedField,
    ) -> Value<'a> {
        let included = definitions.into_iter().filter(|definition| self.includes(&definition.directives, field));
        Value::List(included.map(|definition| Object::InputValue(definition)).collect())
    }

    /// Whether the argument `includeDeprecated` of a field lets through what has these directives.
    fn includes(self, directives: &DirectiveList, field: &PlannedField) -> bool {
        let asked = || self.argument(field, "includeDeprecated");
        !directives.has("deprecated") || matches!(asked(), Some(Argument::Boolean(true) | Argument::Variable(_)))
    }

    /// The value of an argument; a variable if its value is not known.
    fn argument(self, field: &PlannedField, name: &str) -> Option<Argument> {
        let (_, value) = field.arguments.iter().find(|(given, _)| given == name)?;
        match (value, self.variables) {
            (Argument::Variable(name), Some(variables)) => variables.get(name).cloned().map(ConstValue::into_value),
            _ => Some(value.clone()),
        }
    }
}

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

fn optional(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Null, self::text)
}

fn deprecation<'a>(directives: &'a DirectiveList, name: &str) -> Option<Value<'a>> {
    let deprecated = directives.get("deprecated");
    match (name, deprecated) {
        ("isDeprecated", _) => Some(Value::Flag(deprecated.is_some())),
        ("deprecationReason", None) => Some(Value::Null),
        ("deprecationReason", Some(directive)) => Some(match directive.specified_argument_by_name("reason") {
            Some(reason) => optional(reason.as_str()),
            None => text("No longer supported"),
        }),
        _ => None,
    }
}

fn type_name(object: Object<'_>) -> &'static str {
    match object {
        Object::Schema => "__Schema",
        Object::Named(_) | Object::Wrapping { .. } => "__Type",
        Object::Field(_) => "__Field",
        Object::InputValue(_) => "__InputValue",
        Object::EnumValue(_) => "__EnumValue",
        Object::Directive(_) => "__Directive",
    }
}

fn kind(ty: &ExtendedType) -> &'static str {
    match ty {
        ExtendedType::Scalar(_) => "SCALAR",
        ExtendedType::Object(_) => "OBJECT",
        ExtendedType::Interface(_) => "INTERFACE",
        ExtendedType::Union(_) => "UNION",
        ExtendedType::Enum(_) => "ENUM",
        ExtendedType::InputObject(_) => "INPUT_OBJECT",
    }
}
