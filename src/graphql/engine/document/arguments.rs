//! The arguments that a document gives, coerced once and shared by every plan.

use std::{collections::HashMap, sync::Arc};

use apollo_compiler::{Node, executable::Field, parser::SourceSpan};
use async_graphql::Name;
use async_graphql_value::Value;

use super::{
    types::SchemaTypes,
    values::{ValuePath, coerce_literal},
};

/// The arguments of a field, coerced except for the variables in them.
pub(super) type FieldArguments = Arc<[(Name, Value)]>;

/// The arguments of the fields of a document, by the offset at which the field stands in it.
#[derive(Default)]
pub(super) struct DocumentArguments(HashMap<usize, FieldArguments>);

impl DocumentArguments {
    /// Coerces and adds the arguments of a field. Returns each that has a wrong value: where, and what is wrong.
    pub fn add(&mut self, types: &SchemaTypes, field: &Node<Field>) -> Vec<(Option<SourceSpan>, String)> {
        let mut faults = Vec::new();
        let mut coerced = Vec::with_capacity(field.arguments.len());
        for argument in &field.arguments {
            let Some(definition) = field.definition.argument_by_name(&argument.name) else { continue };
            match coerce_literal(types, &definition.ty, &argument.value, &ValuePath::new(&argument.name)) {
                Ok(value) => coerced.push((Name::new(&argument.name), value)),
                Err(reason) => {
                    faults.push((argument.value.location(), format!("Invalid value for argument {reason}")));
                }
            }
        }
        if let Some(span) = field.location()
            && !coerced.is_empty()
        {
            self.0.insert(span.offset(), coerced.into());
        }
        faults
    }

    /// The arguments of a field of the document.
    pub fn of(&self, field: &Node<Field>) -> FieldArguments {
        field.location().and_then(|span| self.0.get(&span.offset())).cloned().unwrap_or_default()
    }

    /// Approximate size in memory, in bytes.
    pub fn size(&self) -> usize {
        self.0.values().flat_map(|arguments| arguments.iter()).map(|(_, value)| value_size(value)).sum()
    }
}

/// Approximate bytes of a value without its text.
const VALUE_BYTES: usize = 96;

fn value_size(value: &Value) -> usize {
    VALUE_BYTES
        + match value {
            Value::String(text) => text.len(),
            Value::List(items) => items.iter().map(value_size).sum(),
            Value::Object(fields) => fields.values().map(|value| VALUE_BYTES + value_size(value)).sum(),
            _ => 0,
        }
}
