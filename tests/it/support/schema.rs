//! The types of a schema, as tests look into it.

use std::collections::BTreeMap;

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, TypeDefinition, TypeKind, TypeSystemDefinition},
};

/// The types of a schema in the schema definition language, by their names.
pub fn types(sdl: &str) -> BTreeMap<String, TypeDefinition> {
    let definitions = parse_schema(sdl).unwrap().definitions.into_iter();
    let types = definitions.filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some((definition.node.name.node.to_string(), definition.node)),
        _ => None,
    });
    types.collect()
}

/// The types of the API's schema.
pub fn published() -> BTreeMap<String, TypeDefinition> {
    types(&orderwire::graphql::sdl())
}

/// The fields of an object or interface; none of other types.
pub fn fields(kind: &TypeKind) -> Vec<&FieldDefinition> {
    match kind {
        TypeKind::Object(object) => object.fields.iter().map(|field| &field.node).collect(),
        TypeKind::Interface(interface) => interface.fields.iter().map(|field| &field.node).collect(),
        _ => Vec::new(),
    }
}

/// The object types of the API's schema with their fields.
pub fn objects() -> BTreeMap<String, Vec<FieldDefinition>> {
    let objects = published().into_iter().filter_map(|(name, ty)| match ty.kind {
        TypeKind::Object(object) => Some((name, object.fields.into_iter().map(|field| field.node).collect())),
        _ => None,
    });
    objects.collect()
}

/// The name of a type, or of that of a list's items.
pub fn base_name(base: &BaseType) -> &str {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(item) => base_name(&item.base),
    }
}
