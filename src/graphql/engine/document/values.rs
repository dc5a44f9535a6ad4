//! Whether values are of their types: <https://spec.graphql.org/October2021/#sec-Values-of-Correct-Type>.

use std::{convert::Infallible, fmt};

use async_graphql::{
    Name,
    parser::types::{BaseType, Type},
};
use async_graphql_value::{ConstValue, Value};

use super::types::{Input, SchemaTypes};

/// Where a value is within a variable or an argument.
pub(super) struct Path<'a> {
    outer: Option<&'a Path<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    /// The variable or argument itself.
    pub(super) fn of(name: &'a str) -> Self {
        Self { outer: None, step: Step::Name(name) }
    }
}

impl fmt::Display for Path<'_> {
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

/// The name of a variable as part of a value that is otherwise known. No name that can be written is this.
const OPEN: &str = "$";

/// The value of an argument, as far as it is known without variables.
pub(super) fn known(value: &Value) -> ConstValue {
    match value.clone().into_const_with(|_| Ok::<_, Infallible>(ConstValue::Enum(Name::new(OPEN)))) {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// What is wrong with a value, in the words of the library's own validation, which has them for values in documents
/// without variables.
pub(super) fn fault(types: &SchemaTypes, ty: &Type, value: &ConstValue, path: &Path<'_>) -> Option<String> {
    let expected = |ty: &dyn fmt::Display| Some(format!("\"{path}\", expected type \"{ty}\""));
    let named = match (&ty.base, value) {
        (_, ConstValue::Enum(name)) if name == OPEN => return None,
        (base, ConstValue::Null) => return if ty.nullable { None } else { expected(base) },
        (BaseType::List(item), ConstValue::List(values)) => {
            return values.iter().enumerate().find_map(|(index, value)| {
                fault(types, item, value, &Path { outer: Some(path), step: Step::Index(index) })
            });
        }
        // One value is taken as a list of it.
        (BaseType::List(item), value) => return fault(types, item, value, path),
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
                Some(value) => fault(types, &field.ty, value, &Path { outer: Some(path), step: Step::Name(name) }),
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

/// Whether a value is one of a scalar, as far as its kind tells; scalars of our own are read when they are used.
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
