//! Plans how to write the selected fields of an object as JSON, and writes them.

use std::collections::HashMap;

use async_graphql::{
    Name, OutputType, Positioned,
    parser::types::{Field, FragmentDefinition, Selection, SelectionSet},
};

use super::text::{Json, write_text};

/// A value that is written as JSON.
pub(crate) trait WriteJson {
    /// Plans how to write the selected fields; `None` when only the executor can resolve them.
    fn plan(_: Selections<'_>) -> Option<JsonPlan> {
        Some(JsonPlan::default())
    }

    /// Appends the parts of the value that `plan` names. The plan has to be of this type.
    fn write(&self, plan: &JsonPlan, json: &mut Json);
}

/// An object type with plain fields: fields that need nothing but the object itself.
pub(crate) trait JsonObject: OutputType + Sized + 'static {
    /// The plain fields, in the order of their declaration.
    const FIELDS: &'static [JsonField<Self>];
}

/// A plain field of an object type.
pub(crate) struct JsonField<T> {
    /// Name of the field in snake case.
    pub name: &'static str,
    /// [`WriteJson::plan`] of the field's type.
    pub plan: fn(Selections<'_>) -> Option<JsonPlan>,
    /// Writes the value that the field has in an object.
    pub write: fn(&T, &JsonPlan, &mut Json),
}

/// A selection set and the fragments that it may spread.
#[derive(Clone, Copy)]
pub(crate) struct Selections<'a> {
    pub set: &'a SelectionSet,
    pub fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
}

/// The members to write of an object, in order; empty for values without fields. There is no plan when a field is not
/// plain, when an object is selected more than once (the executor merges the selections), or when the selection has
/// directives or fragments on other types.
#[derive(Default)]
pub(crate) struct JsonPlan(Vec<JsonMember>);

struct JsonMember {
    /// The quoted response key and a colon.
    key: String,
    /// Index in [`JsonObject::FIELDS`]; `None` for `__typename`.
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
        if self.0.iter().any(|member| member.key == key) {
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

/// Whether `name` is the GraphQL name of the Rust field `snake`.
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
        // An empty selection is left to the executor.
        (!plan.0.is_empty()).then_some(plan)
    }

    fn write(&self, plan: &JsonPlan, json: &mut Json) {
        for (place, member) in plan.0.iter().enumerate() {
            json.push(if place == 0 { b'{' } else { b',' });
            json.extend_from_slice(member.key.as_bytes());
            match member.field.and_then(|field| T::FIELDS.get(field)) {
                Some(field) => (field.write)(self, &member.below, json),
                None => write_text(&T::type_name(), json),
            }
        }
        json.push(b'}');
    }
}
