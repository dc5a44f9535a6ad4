//! Objects whose fields need nothing but the object itself, written as JSON at once.
//!
//! For each field the executor makes a future, a value and a map entry, which costs more than all the rest of a nested
//! query. What [`Plain`] wraps is resolved to its JSON text instead. Its fields are declared once, by [`plain_object`],
//! for the executor and for this module alike. The executor still resolves what can't be written so: see [`Plan`].

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use async_graphql::{
    ContextSelectionSet, Name, OutputType, Positioned, ServerResult, Value,
    indexmap::IndexMap,
    parser::types::{Field, FragmentDefinition, Selection, SelectionSet},
    registry::Registry,
};
use async_graphql_value::RAW_VALUE_TOKEN;

mod values;

use super::loaders::Call;
pub(super) use values::{plain_enum, plain_text, write_enum, write_text};

/// What is being written.
pub(super) type Json = Vec<u8>;

/// Room for a small object.
const FIRST_BYTES: usize = 256;

/// A value that is written as JSON.
pub(super) trait PlainValue {
    /// How to write what is selected of it; `None` when only the executor can resolve it.
    fn plan(_: Selected<'_>) -> Option<Plan> {
        Some(Plan::default())
    }

    /// Appends what `plan`, which is of this type, has of the value.
    fn write(&self, plan: &Plan, json: &mut Json);
}

/// An object type with fields that are plain.
pub(super) trait PlainObject: OutputType + Sized + 'static {
    /// Its plain fields.
    const FIELDS: &'static [PlainField<Self>];
}

/// A field of an object type.
pub(super) struct PlainField<T> {
    /// Its name, in snake case.
    pub name: &'static str,
    /// [`PlainValue::plan`] of its type.
    pub plan: fn(Selected<'_>) -> Option<Plan>,
    /// Writes the field of an object.
    pub write: fn(&T, &Plan, &mut Json),
}

/// A selection set and the fragments that it may spread.
#[derive(Clone, Copy)]
pub(super) struct Selected<'a> {
    set: &'a SelectionSet,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
}

/// What to write of an object, in order; empty for values without fields. There is none when a field is not plain, an
/// object is selected more than once (the executor merges them), or there are fragments on other types or directives.
#[derive(Default)]
pub(super) struct Plan(Vec<Step>);

struct Step {
    /// The quoted response key and a colon.
    key: String,
    /// The place in [`PlainObject::FIELDS`]; `None` for `__typename`.
    field: Option<usize>,
    below: Plan,
}

impl Plan {
    fn add<T: PlainObject>(&mut self, selected: Selected<'_>) -> Option<()> {
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

    fn add_fragment<T: PlainObject>(
        &mut self,
        on: Option<&Name>,
        set: &SelectionSet,
        selected: Selected<'_>,
    ) -> Option<()> {
        if on.is_some_and(|on| *on != *T::type_name()) {
            return None;
        }
        self.add::<T>(Selected { set, ..selected })
    }

    fn add_field<T: PlainObject>(&mut self, field: &Field, selected: Selected<'_>) -> Option<()> {
        let key = format!("\"{}\":", field.response_key().node);
        let set = &field.selection_set.node;
        if self.0.iter().any(|step| step.key == key) {
            return set.items.is_empty().then_some(());
        }
        if field.name.node == "__typename" {
            self.0.push(Step { key, field: None, below: Plan::default() });
            return Some(());
        }
        let place = T::FIELDS.iter().position(|known| is_camel_case_of(&field.name.node, known.name))?;
        let below = (T::FIELDS.get(place)?.plan)(Selected { set, ..selected })?;
        self.0.push(Step { key, field: Some(place), below });
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

impl<T: PlainObject> PlainValue for T {
    fn plan(selected: Selected<'_>) -> Option<Plan> {
        let mut plan = Plan::default();
        plan.add::<T>(selected)?;
        // The executor has its own way with objects of which nothing is left.
        (!plan.0.is_empty()).then_some(plan)
    }

    fn write(&self, plan: &Plan, json: &mut Json) {
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
macro_rules! plain_object {
    ($(#[$($attribute:tt)+])* $object:ident as $this:ident { $($fields:tt)* }) => {
        plain_object!(@ [$(#[$($attribute)+])* $object $this] [] [] $($fields)*);
    };
    (
        @ $head:tt [$($methods:tt)*] [$($plain:tt)*]
        $(#[$($attribute:tt)+])* async fn $field:ident($($arguments:tt)*) -> $type:ty $body:block
        $($fields:tt)*
    ) => {
        plain_object!(
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
        plain_object!(
            @ [$(#[$($head)+])* $object $this]
            [
                $($methods)*
                $(#[$($attribute)+])*
                pub(in crate::graphql) async fn $field(&self) -> $type {
                    let $this = self;
                    $value
                }
            ]
            [
                $($plain)*
                $crate::graphql::plain::PlainField {
                    name: stringify!($field),
                    plan: <$type as $crate::graphql::plain::PlainValue>::plan,
                    write: |$this, plan, json| {
                        let value: $type = $value;
                        $crate::graphql::plain::PlainValue::write(&value, plan, json);
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

        impl $crate::graphql::plain::PlainObject for $object {
            const FIELDS: &'static [$crate::graphql::plain::PlainField<Self>] = &[$($plain)*];
        }
    };
}
pub(super) use plain_object;

/// Resolves a value at once where that is possible; the same type in the schema.
pub struct Plain<T>(pub T);

impl<T: PlainValue> PlainValue for Plain<T> {
    fn plan(selected: Selected<'_>) -> Option<Plan> {
        T::plan(selected)
    }

    fn write(&self, plan: &Plan, json: &mut Json) {
        self.0.write(plan, json);
    }
}

impl<T: PlainValue + OutputType> OutputType for Plain<T> {
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
        let selected = Selected { set: &context.item.node, fragments: &context.query_env.fragments };
        let call = context.data_opt::<Arc<Call>>();
        match T::plan(selected).filter(|_| call.is_some_and(|call| call.writes_plain)) {
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
pub(super) fn write_value(value: &Value, json: &mut Json) -> serde_json::Result<()> {
    match value {
        Value::List(values) => {
            json.push(b'[');
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    json.push(b',');
                }
                write_value(value, json)?;
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
                    write_value(value, json)?;
                }
                json.push(b'}');
            }
        },
        leaf => serde_json::to_writer(json, leaf)?,
    }
    Ok(())
}

/// Whether this object is JSON text, made by [`Plain`].
pub(super) fn is_raw(fields: &IndexMap<Name, Value>) -> bool {
    fields.len() == 1 && fields.contains_key(RAW_VALUE_TOKEN)
}
