//! Coerces input values to their types: <https://spec.graphql.org/September2025/#sec-Input-Values>.
//!
//! Literals and the values of variables take the same way: a literal is converted first, with its variables left in
//! place. What comes out needs no further check by a resolver.

use std::fmt;

use apollo_compiler::{
    ast::{self, Type},
    schema::{EnumType, ExtendedType, InputObjectType},
};
use async_graphql::{Name, indexmap::IndexMap};
use async_graphql_value::{Number, Value};

use super::types::SchemaTypes;

/// The path to a value within a variable or an argument.
pub(super) struct ValuePath<'a> {
    outer: Option<&'a ValuePath<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

impl<'a> ValuePath<'a> {
    /// Starts at the variable or argument with this name.
    pub(super) fn new(name: &'a str) -> Self {
        Self { outer: None, step: Step::Name(name) }
    }

    fn then(&'a self, step: Step<'a>) -> Self {
        Self { outer: Some(self), step }
    }
}

impl fmt::Display for ValuePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(outer) = self.outer {
            write!(f, "{outer}.")?;
        }
        match self.step {
            Step::Name(name) => f.write_str(name),
            Step::Index(index) => index.fmt(f),
        }
    }
}

/// Coerces a literal, with its variables left in place. Fails with the reason if it is not of the type, or if an input
/// object has a field twice (5.6.3).
pub(super) fn coerce_literal(
    types: &SchemaTypes,
    ty: &Type,
    value: &ast::Value,
    path: &ValuePath<'_>,
) -> Result<Value, String> {
    coerce(types, ty, literal(types, Some(ty), value)?, path)
}

/// Converts a literal that stands for a value of a type; `None` when the type is not known.
fn literal(types: &SchemaTypes, ty: Option<&Type>, value: &ast::Value) -> Result<Value, String> {
    Ok(match value {
        ast::Value::Null => Value::Null,
        ast::Value::Enum(name) => Value::Enum(Name::new(name)),
        ast::Value::Variable(name) => Value::Variable(Name::new(name)),
        ast::Value::String(text) => Value::String(text.clone()),
        ast::Value::Float(number) => self::number(number.as_str()),
        // An ID is the number as it is written, however large (3.5.5).
        ast::Value::Int(number) if ty.is_some_and(|ty| ty.inner_named_type() == "ID") => {
            Value::String(number.as_str().to_owned())
        }
        ast::Value::Int(number) => self::number(number.as_str()),
        ast::Value::Boolean(value) => Value::Boolean(*value),
        ast::Value::List(items) => {
            let item = ty.map(Type::item_type);
            Value::List(items.iter().map(|value| literal(types, item, value)).collect::<Result<_, _>>()?)
        }
        ast::Value::Object(fields) => {
            let mut object = IndexMap::with_capacity(fields.len());
            let definition = ty.and_then(|ty| types.schema().get_input_object(ty.inner_named_type()));
            for (name, value) in fields {
                let ty = definition.and_then(|definition| definition.fields.get(name)).map(|field| &*field.ty);
                if object.insert(Name::new(name), literal(types, ty, value)?).is_some() {
                    return Err(format!("There can be only one input field named \"{name}\"."));
                }
            }
            Value::Object(object)
        }
    })
}

/// The number that this text is in the GraphQL and JSON grammars; one too large for them stays text, which no type of
/// number accepts.
fn number(text: &str) -> Value {
    match serde_json::from_str::<Number>(text) {
        // "-0" is the integer 0, which JSON has no way to say.
        Ok(number) if text == "-0" => Value::Number(number.as_i64().unwrap_or_default().into()),
        Ok(number) => Value::Number(number),
        Err(_) => Value::String(text.to_owned()),
    }
}

/// Coerces a value to a type; variables inside it stay as they are. Fails with the path and the reason.
pub(super) fn coerce(types: &SchemaTypes, ty: &Type, value: Value, path: &ValuePath<'_>) -> Result<Value, String> {
    match (ty, value) {
        (_, value @ Value::Variable(_)) => Ok(value),
        (Type::NonNullNamed(_) | Type::NonNullList(_), Value::Null) => Err(expected(ty, path)),
        (_, Value::Null) => Ok(Value::Null),
        (Type::List(item) | Type::NonNullList(item), Value::List(items)) => {
            let coerced = items.into_iter().enumerate();
            let coerced = coerced.map(|(index, value)| coerce(types, item, value, &path.then(Step::Index(index))));
            Ok(Value::List(coerced.collect::<Result<_, _>>()?))
        }
        // A single value counts as a list of one.
        (Type::List(item) | Type::NonNullList(item), value) => Ok(Value::List(vec![coerce(types, item, value, path)?])),
        (Type::Named(name) | Type::NonNullNamed(name), value) => match types.schema().types.get(name) {
            Some(ExtendedType::InputObject(object)) => match value {
                Value::Object(fields) => coerce_object(types, object, fields, path),
                _ => Err(expected(ty, path)),
            },
            Some(ExtendedType::Enum(definition)) => coerce_enum(definition, value, path),
            _ => coerce_scalar(types, name, value).map_err(|reason| match reason {
                Some(reason) => format!("\"{path}\": {reason}"),
                None => expected(ty, path),
            }),
        },
    }
}

fn expected(ty: &Type, path: &ValuePath<'_>) -> String {
    format!("\"{path}\", expected type \"{ty}\"")
}

fn coerce_object(
    types: &SchemaTypes,
    object: &InputObjectType,
    mut given: IndexMap<Name, Value>,
    path: &ValuePath<'_>,
) -> Result<Value, String> {
    if let Some(unknown) = given.keys().find(|name| !object.fields.contains_key(name.as_str())) {
        return Err(format!("\"{path}\", unknown field \"{unknown}\" of type \"{}\"", object.name));
    }
    if object.directives.has("oneOf") && (given.len() != 1 || given.values().any(|value| *value == Value::Null)) {
        return Err(format!("\"{path}\", exactly one field of type \"{}\" is given, and it is not null", object.name));
    }
    for (name, field) in &object.fields {
        match given.get_mut(name.as_str()) {
            Some(value) => {
                *value = coerce(types, &field.ty, std::mem::take(value), &path.then(Step::Name(name)))?;
            }
            None if field.is_required() => {
                return Err(format!(
                    "\"{path}\", field \"{name}\" of type \"{}\" is required but not provided",
                    field.ty
                ));
            }
            None => {}
        }
    }
    Ok(Value::Object(given))
}

fn coerce_enum(definition: &EnumType, value: Value, path: &ValuePath<'_>) -> Result<Value, String> {
    // In JSON the value of an enum is a string; validation refuses strings in its place in a document.
    let name = match value {
        Value::Enum(name) => name,
        Value::String(name) => Name::new(name),
        _ => return Err(format!("\"{path}\", expected type \"{}\"", definition.name)),
    };
    if definition.values.contains_key(name.as_str()) {
        return Ok(Value::Enum(name));
    }
    Err(format!("\"{path}\", enumeration type \"{}\" does not contain the value \"{name}\"", definition.name))
}

/// Coerces the value of a scalar: section 3.5 for those of the specification, and the schema's rule for others. Fails
/// with the reason that the rule gives.
fn coerce_scalar(types: &SchemaTypes, name: &str, value: Value) -> Result<Value, Option<String>> {
    match (name, value) {
        ("Int", Value::Number(number)) => match integer(&number).and_then(|number| i32::try_from(number).ok()) {
            Some(number) => Ok(Value::Number(number.into())),
            None => Err(None),
        },
        ("ID", Value::Number(number)) => match integer(&number) {
            Some(number) => Ok(Value::String(number.to_string())),
            None => Err(None),
        },
        ("Float", value @ Value::Number(_))
        | ("String" | "ID", value @ Value::String(_))
        | ("Boolean", value @ Value::Boolean(_)) => Ok(value),
        ("Int" | "Float" | "String" | "Boolean" | "ID", _) => Err(None),
        (_, value) => {
            if let Some(scalar) = types.scalar(name) {
                let constant = value.clone().into_const();
                let constant = constant.ok_or_else(|| Some("a variable stands for a whole value here".to_owned()))?;
                (scalar.check)(constant).map_err(Some)?;
            }
            Ok(value)
        }
    }
}

/// The whole number that this number is, also if it is written with a fraction or an exponent, like `1.0`.
fn integer(number: &Number) -> Option<i128> {
    let whole = |float: f64| (float.fract() == 0.0).then_some(float as i128);
    number.as_i64().map(i128::from).or(number.as_u64().map(i128::from)).or_else(|| number.as_f64().and_then(whole))
}

/// Puts the values of variables in their places; `None` for a variable that has no value. An argument or input field
/// without a value counts as not given, an item of a list as null (6.4.1).
pub(super) fn substitute(value: &Value, variables: &async_graphql::Variables) -> Option<Value> {
    Some(match value {
        Value::Variable(name) => variables.get(name)?.clone().into_value(),
        Value::List(items) => {
            Value::List(items.iter().map(|item| substitute(item, variables).unwrap_or_default()).collect())
        }
        Value::Object(fields) => {
            let fields = fields.iter().filter_map(|(name, value)| Some((name.clone(), substitute(value, variables)?)));
            Value::Object(fields.collect())
        }
        constant => constant.clone(),
    })
}
