//! Suggests names for those that a document has wrong.

use apollo_compiler::schema::ExtendedType;

use super::types::SchemaTypes;

/// Least similarity of two names by which one is suggested for the other, from 0 to 1.
const SIMILAR: f64 = 0.75;

/// Longest name in bytes for which others are looked at.
const LONGEST: usize = 64;

/// What to say behind the message of a validation error whose cause may be a misspelt name; `None` when no name is near.
pub(super) fn suggestion(types: &SchemaTypes, message: &str) -> Option<String> {
    let mut quoted = message.split('"').skip(1).step_by(2);
    let wrong = quoted.next().filter(|name| name.len() <= LONGEST)?;
    let place = quoted.next().unwrap_or_default();
    let known: Vec<&str> = if message.starts_with("Cannot query field") {
        fields(types, place)
    } else if message.starts_with("Unknown argument") {
        let (parent, field) = place.split_once('.')?;
        types.field(parent, field)?.arguments.iter().map(|argument| argument.name.as_str()).collect()
    } else if message.starts_with("Unknown type") {
        types.schema().types.keys().map(|name| name.as_str()).collect()
    } else if message.contains("does not exist in") || message.contains("is not defined by type") {
        fields(types, place)
    } else {
        return None;
    };
    let near = known.into_iter().map(|name| (strsim::jaro_winkler(name, wrong), name));
    let (_, name) = near.filter(|(near, _)| *near >= SIMILAR).max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    Some(format!("Did you mean \"{name}\"?"))
}

/// The names of a type's fields, input fields or values.
fn fields<'a>(types: &'a SchemaTypes, name: &str) -> Vec<&'a str> {
    match types.schema().types.get(name) {
        Some(ExtendedType::Object(object)) => object.fields.keys().map(|name| name.as_str()).collect(),
        Some(ExtendedType::Interface(interface)) => interface.fields.keys().map(|name| name.as_str()).collect(),
        Some(ExtendedType::InputObject(object)) => object.fields.keys().map(|name| name.as_str()).collect(),
        Some(ExtendedType::Enum(values)) => values.values.keys().map(|name| name.as_str()).collect(),
        _ => Vec::new(),
    }
}
