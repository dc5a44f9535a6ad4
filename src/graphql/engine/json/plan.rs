//! Plans how to write the selected fields of an object as JSON, and writes them.

use async_graphql::{
    OutputType,
    parser::types::{Field, Selection, SelectionSet},
};

use super::text::{Json, TYPE_KEY, write_text};

/// A value that is written as JSON.
pub(crate) trait WriteJson {
    /// Plans how to write the selected fields; `None` when only the executor can resolve them.
    fn plan(_: &SelectionSet) -> Option<JsonPlan> {
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
    pub plan: fn(&SelectionSet) -> Option<JsonPlan>,
    /// Writes the value that the field has in an object.
    pub write: fn(&T, &JsonPlan, &mut Json),
}

/// The members to write of an object, in order; empty for values without fields. There is no plan when a field is not
/// plain. The selections are those of an operation's plan: without fragments, and each response key once.
#[derive(Default)]
pub struct JsonPlan(Vec<JsonMember>);

struct JsonMember {
    /// The quoted response key and a colon, after a comma if it is not the first.
    key: Box<str>,
    /// Index in [`JsonObject::FIELDS`]; `None` for `__typename`.
    field: Option<usize>,
    below: JsonPlan,
}

impl JsonPlan {
    fn add<T: JsonObject>(&mut self, field: &Field) -> Option<()> {
        let key = &field.response_key().node;
        if key == TYPE_KEY {
            return Some(());
        }
        let comma = if self.0.is_empty() { "" } else { "," };
        let key = format!("{comma}\"{key}\":").into();
        if field.name.node == "__typename" {
            self.0.push(JsonMember { key, field: None, below: Self::default() });
            return Some(());
        }
        let place = T::FIELDS.iter().position(|known| is_camel_case_of(&field.name.node, known.name))?;
        let below = (T::FIELDS.get(place)?.plan)(&field.selection_set.node)?;
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
    fn plan(selected: &SelectionSet) -> Option<JsonPlan> {
        let mut plan = JsonPlan::default();
        for selection in &selected.items {
            let Selection::Field(field) = &selection.node else { return None };
            plan.add::<T>(&field.node)?;
        }
        Some(plan)
    }

    fn write(&self, plan: &JsonPlan, json: &mut Json) {
        json.push(b'{');
        for member in &plan.0 {
            if json.is_cut() {
                return;
            }
            json.extend_from_slice(member.key.as_bytes());
            match member.field.and_then(|field| T::FIELDS.get(field)) {
                Some(field) => (field.write)(self, &member.below, json),
                None => write_text(&T::type_name(), json),
            }
        }
        json.push(b'}');
    }
}
