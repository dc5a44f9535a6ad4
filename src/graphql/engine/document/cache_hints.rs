//! How long caches may keep the answer to a query, by the directives of the schema, which are those of Apollo Server
//! (<https://www.apollographql.com/docs/apollo-server/performance/caching>).
//!
//! Decision: `docs/decisions/0029-public-answers.md`.

use apollo_compiler::ast::Directive;

use super::{plan::PlannedField, types::SchemaTypes};

/// The name of the directive.
const NAME: &str = "cacheControl";

/// The directive of the schema.
#[allow(non_camel_case_types, reason = "the library makes a type with the name of the directive")]
pub mod directive {
    use async_graphql::TypeDirective;

    /// How many seconds caches may keep the value of the field, or an object of the type. Without it, or `inheritMaxAge`,
    /// objects and fields of the root are not kept; scalars are, as long as the object around them.
    #[TypeDirective(name = "cacheControl", location = "FieldDefinition", location = "Object")]
    pub fn cache_control(max_age: Option<i32>, inherit_max_age: Option<bool>) {}
}

/// What a directive says.
#[derive(Clone, Copy)]
enum Hint {
    Seconds(u32),
    /// As long as the object around it.
    Inherit,
}

impl Hint {
    fn of(directive: &Directive) -> Option<Self> {
        let seconds = directive.specified_argument_by_name("maxAge").and_then(|age| age.to_i32());
        let inherits = directive.specified_argument_by_name("inheritMaxAge").and_then(|one| one.to_bool());
        match seconds {
            Some(seconds) => Some(Self::Seconds(u32::try_from(seconds).unwrap_or(0))),
            None => (inherits == Some(true)).then_some(Self::Inherit),
        }
    }

    /// The seconds for a part of an object that may be kept for `around` seconds.
    fn seconds(self, around: u32) -> u32 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::Inherit => around,
        }
    }
}

/// How many seconds caches may keep what is selected of the root, an object of the type `root`: the least that is said of
/// a part of it; 0 if they may not.
pub(super) fn max_age(types: &SchemaTypes, root: &str, fields: &[PlannedField]) -> u32 {
    let fields = fields.iter().filter(|field| field.name.as_str() != "__typename");
    fields.map(|field| age_of_field(types, root, field, 0)).min().unwrap_or(0)
}

/// The same for a field of an object of the type `parent` that may be kept for `around` seconds.
fn age_of_field(types: &SchemaTypes, parent: &str, field: &PlannedField, around: u32) -> u32 {
    let definition = types.field(parent, &field.name);
    let hint = definition.and_then(|field| Hint::of(field.directives.get(NAME)?));
    if field.objects().is_empty() {
        return hint.unwrap_or(Hint::Inherit).seconds(around);
    }
    let ages = field.objects().iter().map(|object| {
        let of_type =
            || types.schema().types.get(object.type_name.as_str()).and_then(|ty| Hint::of(ty.directives().get(NAME)?));
        let age = hint.or_else(of_type).map_or(0, |hint| hint.seconds(around));
        let parts = object.fields.iter().map(|field| age_of_field(types, &object.type_name, field, age));
        parts.fold(age, u32::min)
    });
    ages.min().unwrap_or(0)
}
