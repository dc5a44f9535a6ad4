//! Objects whose fields need nothing but the object itself, written as JSON at once.
//!
//! For each field the executor makes a future, a value and a map entry, which costs more than all the rest of a nested
//! query. What [`DirectJson`] wraps is resolved to its JSON text instead. Its fields are declared once, by [`json_object`],
//! for the executor and for this module alike. The executor still resolves what can't be written so: see [`JsonPlan`].
//!
//! Decision: `docs/decisions/0007-direct-json.md`.

use std::{borrow::Cow, collections::HashMap};

use async_graphql::{
    ContextSelectionSet, Name, OutputType, Positioned, ServerResult, Value,
    indexmap::IndexMap,
    parser::types::{Field, FragmentDefinition, Selection, SelectionSet},
    registry::Registry,
};
use async_graphql_value::RAW_VALUE_TOKEN;

mod values;

pub(crate) use values::{json_enum, json_text, write_enum, write_text};

/// What is being written.
pub(crate) type Json = Vec<u8>;

/// Room for a small object.
const FIRST_BYTES: usize = 256;

/// A value that is written as JSON.
pub(crate) trait WriteJson {
    /// How to write what is selected of it; `None` when only the executor can resolve it.
    fn plan(_: Selections<'_>) -> Option<JsonPlan> {
        Some(JsonPlan::default())
    }

    /// Appends what `plan`, which is of this type, has of the value.
    fn write(&self, plan: &JsonPlan, json: &mut Json);
}

/// An object type with fields that are plain.
pub(crate) trait JsonObject: OutputType + Sized + 'static {
    /// Its plain fields.
    const FIELDS: &'static [JsonField<Self>];
}

/// A field of an object type.
pub(crate) struct JsonField<T> {
    /// Its name, in snake case.
    pub name: &'static str,
    /// [`WriteJson::plan`] of its type.
    pub plan: fn(Selections<'_>) -> Option<JsonPlan>,
    /// Writes the field of an object.
    pub write: fn(&T, &JsonPlan, &mut Json),
}

/// A selection set and the fragments that it may spread.
#[derive(Clone, Copy)]
pub(crate) struct Selections<'a> {
    set: &'a SelectionSet,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
}

/// What to write of an object, in order; empty for values without fields. There is none when a field is not plain, an
/// object is selected more than once (the executor merges them), or there are fragments on other types or directives.
#[derive(Default)]
pub(crate) struct JsonPlan(Vec<JsonMember>);

struct JsonMember {
    /// The quoted response key and a colon.
    key: String,
    /// The place in [`JsonObject::FIELDS`]; `None` for `__typename`.
    field: Option<usize>,
    below: JsonPlan,
}

impl JsonPlan {
    fn add<T: JsonObject>(&mut self, selected: Selections<'_>) -> Option<()> {
        for selection in &selected.set.items {
            if !selection.node.directives().is_empty() {
                return None;
            }
            match &selection.node {
                Selection::Field(field) => self.add_field::<T>(&field.node, selected)?,
                Selection::FragmentSpread(spread) => {
                    let fragment = &selected.fragments.get(&spread.node.fragment_name.node)?.node;
                    let on = &fragment.type_condition.node.on.node;
                    self.add_fragment::<T>(Some(on), &fragment.selection_set.node, selected)?;
                }
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref().map(|on| &on.node.on.node);
                    self.add_fragment::<T>(on, &fragment.node.selection_set.node, selected)?;
                }
            }
        }
        Some(())
    }

    fn add_fragment<T: JsonObject>(
        &mut self,
        on: Option<&Name>,
        set: &SelectionSet,
        selected: Selections<'_>,
    ) -> Option<()> {
        if on.is_some_and(|on| *on != *T::type_name()) {
            return None;
        }
        self.add::<T>(Selections { set, ..selected })
    }

    fn add_field<T: JsonObject>(&mut self, field: &Field, selected: Selections<'_>) -> Option<()> {
        let key = format!("\"{}\":", field.response_key().node);
        let set = &field.selection_set.node;
        if self.0.iter().any(|step| step.key == key) {
            return set.items.is_empty().then_some(());
        }
        if field.name.node == "__typename" {
            self.0.push(JsonMember { key, field: None, below: JsonPlan::default() });
            return Some(());
        }
        let place = T::FIELDS.iter().position(|known| is_camel_case_of(&field.name.node, known.name))?;
        let below = (T::FIELDS.get(place)?.plan)(Selections { set, ..selected })?;
        self.0.push(JsonMember { key, field: Some(place), below });
        Some(())
    }
}

/// Whether `name` is the GraphQL name of a field called `snake` here.
fn is_camel_case_of(name: &str, snake: &str) -> bool {
    let mut after_underscore = false;
    let camel = snake.bytes().filter_map(|byte| {
        let upper = std::mem::replace(&mut after_underscore, byte == b'_');
        (byte != b'_').then(|| if upper { byte.to_ascii_uppercase() } else { byte })
    });
    camel.eq(name.bytes())
}

impl<T: JsonObject> WriteJson for T {
    fn plan(selected: Selections<'_>) -> Option<JsonPlan> {
        let mut plan = JsonPlan::default();
        plan.add::<T>(selected)?;
        // The executor has its own way with objects of which nothing is left.
        (!plan.0.is_empty()).then_some(plan)
    }

    fn write(&self, plan: &JsonPlan, json: &mut Json) {
        for (place, step) in plan.0.iter().enumerate() {
            json.push(if place == 0 { b'{' } else { b',' });
            json.extend_from_slice(step.key.as_bytes());
            match step.field.and_then(|field| T::FIELDS.get(field)) {
                Some(field) => (field.write)(self, &step.below, json),
                None => write_text(&T::type_name(), json),
            }
        }
        json.push(b'}');
    }
}

/// Declares an object type for the executor and for this module: `name: Type = value;` is a plain field, whose value may
/// use `$this`, the object; `async fn name(&self, …) -> Type { … }` is a field that only the executor can resolve.
macro_rules! json_object {
    ($(#[$($attribute:tt)+])* $object:ident as $this:ident { $($fields:tt)* }) => {
        json_object!(@ [$(#[$($attribute)+])* $object $this] [] [] $($fields)*);
    };
    (
        @ $head:tt [$($methods:tt)*] [$($plain:tt)*]
        $(#[$($attribute:tt)+])* async fn $field:ident($($arguments:tt)*) -> $type:ty $body:block
        $($fields:tt)*
    ) => {
        json_object!(
            @ $head
            [$($methods)* $(#[$($attribute)+])* async fn $field($($arguments)*) -> $type $body]
            [$($plain)*]
            $($fields)*
        );
    };
    (
        @ [$(#[$($head:tt)+])* $object:ident $this:ident] [$($methods:tt)*] [$($plain:tt)*]
        $(#[$($attribute:tt)+])* $field:ident: $type:ty = $value:expr;
        $($fields:tt)*
    ) => {
        json_object!(
            @ [$(#[$($head)+])* $object $this]
            [
                $($methods)*
                $(#[$($attribute)+])*
                pub(crate) async fn $field(&self) -> $type {
                    let $this = self;
                    $value
                }
            ]
            [
                $($plain)*
                $crate::graphql::engine::json::JsonField {
                    name: stringify!($field),
                    plan: <$type as $crate::graphql::engine::json::WriteJson>::plan,
                    write: |$this, plan, json| {
                        let value: $type = $value;
                        $crate::graphql::engine::json::WriteJson::write(&value, plan, json);
                    },
                },
            ]
            $($fields)*
        );
    };
    (@ [$(#[$($head:tt)+])* $object:ident $this:ident] [$($methods:tt)*] [$($plain:tt)*]) => {
        $(#[$($head)+])*
        impl $object {
            $($methods)*
        }

        impl $crate::graphql::engine::json::JsonObject for $object {
            const FIELDS: &'static [$crate::graphql::engine::json::JsonField<Self>] = &[$($plain)*];
        }
    };
}
pub(crate) use json_object;

/// Request data: objects of the operation may be written as JSON.
pub struct Allowed;

/// Resolves a value at once where that is possible; the same type in the schema.
pub struct DirectJson<T>(pub T);

impl<T: WriteJson> WriteJson for DirectJson<T> {
    fn plan(selected: Selections<'_>) -> Option<JsonPlan> {
        T::plan(selected)
    }

    fn write(&self, plan: &JsonPlan, json: &mut Json) {
        self.0.write(plan, json);
    }
}

impl<T: WriteJson + OutputType> OutputType for DirectJson<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn qualified_type_name() -> String {
        T::qualified_type_name()
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        self.0.introspection_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let selected = Selections { set: &context.item.node, fragments: &context.query_env.fragments };
        match T::plan(selected).filter(|_| context.data_opt::<Allowed>().is_some()) {
            Some(plan) => {
                let mut json = Json::with_capacity(FIRST_BYTES);
                self.0.write(&plan, &mut json);
                Ok(raw(json))
            }
            None => self.0.resolve(context, field).await,
        }
    }
}

/// A value that is serialised as the text that it is.
fn raw(json: Json) -> Value {
    // Invariant: all that is written is UTF-8.
    let text = String::from_utf8(json).unwrap_or_default();
    Value::Object(IndexMap::from([(Name::new(RAW_VALUE_TOKEN), Value::String(text))]))
}

/// Appends a result's data, what is JSON text already as it is.
pub fn write_data(value: &Value, json: &mut Json) -> serde_json::Result<()> {
    match value {
        Value::List(values) => {
            json.push(b'[');
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    json.push(b',');
                }
                write_data(value, json)?;
            }
            json.push(b']');
        }
        Value::Object(fields) => match fields.get(RAW_VALUE_TOKEN) {
            Some(Value::String(text)) => json.extend_from_slice(text.as_bytes()),
            _ => {
                json.push(b'{');
                for (place, (name, value)) in fields.iter().enumerate() {
                    if place > 0 {
                        json.push(b',');
                    }
                    write_text(name, json);
                    json.push(b':');
                    write_data(value, json)?;
                }
                json.push(b'}');
            }
        },
        leaf => serde_json::to_writer(json, leaf)?,
    }
    Ok(())
}

/// Whether this object is JSON text, made by [`DirectJson`].
pub(crate) fn is_raw(fields: &IndexMap<Name, Value>) -> bool {
    fields.len() == 1 && fields.contains_key(RAW_VALUE_TOKEN)
}
