//! Checks values against their types: <https://spec.graphql.org/October2021/#sec-Values-of-Correct-Type>.

use std::{convert::Infallible, fmt};

use async_graphql::{
    Name,
    parser::types::{BaseType, Type},
};
use async_graphql_value::{ConstValue, Value};

use super::types::{Input, SchemaTypes};

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

/// Enum value that stands for a variable. No document can contain it, as it is not a valid name.
const OPEN_VARIABLE: &str = "$";

/// Converts the value of an argument to a constant, with [`OPEN_VARIABLE`] in place of each variable.
pub(super) fn with_open_variables(value: &Value) -> ConstValue {
    match value.clone().into_const_with(|_| Ok::<_, Infallible>(ConstValue::Enum(Name::new(OPEN_VARIABLE)))) {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// Says why a value is not of a type; `None` if it is. The words are those of the library, which checks values without
/// variables itself.
pub(super) fn type_mismatch(
    types: &SchemaTypes,
    ty: &Type,
    value: &ConstValue,
    path: &ValuePath<'_>,
) -> Option<String> {
    let expected = |ty: &dyn fmt::Display| Some(format!("\"{path}\", expected type \"{ty}\""));
    let named = match (&ty.base, value) {
        (_, ConstValue::Enum(name)) if name == OPEN_VARIABLE => return None,
        (base, ConstValue::Null) => return if ty.nullable { None } else { expected(base) },
        (BaseType::List(item), ConstValue::List(values)) => {
            return values.iter().enumerate().find_map(|(index, value)| {
                type_mismatch(types, item, value, &ValuePath { outer: Some(path), step: Step::Index(index) })
            });
        }
        // A single value counts as a list of one.
        (BaseType::List(item), value) => return type_mismatch(types, item, value, path),
        (BaseType::Named(name), _) => name,
    };
    match (types.inputs.get(named), value) {
        (Some(Input::Enum(values)), ConstValue::Enum(name)) if values.contains(name) => None,
        (Some(Input::Enum(values)), ConstValue::String(name)) if values.contains(name.as_str()) => None,
        (Some(Input::Enum(_)), ConstValue::Enum(_) | ConstValue::String(_)) => {
            Some(format!("\"{path}\", enumeration type \"{named}\" does not contain the value {value}"))
        }
        (Some(Input::Enum(_)), _) => expected(named),
        (Some(Input::Object(fields)), ConstValue::Object(values)) => {
            if let Some(unknown) = values.keys().find(|name| !fields.contains_key(*name)) {
                return Some(format!("\"{path}\", unknown field \"{unknown}\" of type \"{named}\""));
            }
            fields.iter().find_map(|(name, field)| match values.get(name) {
                Some(value) => {
                    type_mismatch(types, &field.ty, value, &ValuePath { outer: Some(path), step: Step::Name(name) })
                }
                None if field.ty.nullable || field.has_default => None,
                None => {
                    Some(format!("\"{path}\", field \"{name}\" of type \"{}\" is required but not provided", field.ty))
                }
            })
        }
        (Some(Input::Object(_)), _) => expected(named),
        (None, value) => {
            if is_scalar(named, value) {
                None
            } else {
                expected(named)
            }
        }
    }
}

/// Whether a value is of the right kind for a scalar. Custom scalars accept every kind here: resolvers parse them.
fn is_scalar(name: &Name, value: &ConstValue) -> bool {
    match (name.as_str(), value) {
        ("Int", ConstValue::Number(number)) => number.is_i64(),
        ("Float", ConstValue::Number(_)) | ("String", ConstValue::String(_)) | ("Boolean", ConstValue::Boolean(_)) => {
            true
        }
        ("ID", ConstValue::Number(number)) => number.is_i64(),
        ("ID", ConstValue::String(_)) => true,
        ("Int" | "Float" | "String" | "Boolean" | "ID", _) => false,
        _ => true,
    }
}
