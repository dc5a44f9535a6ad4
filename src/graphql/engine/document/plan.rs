//! The plan of an operation: what it selects, with every fragment spread out, the selections of a response key merged, and
//! what `@skip` and `@include` leave out left out. Fields stand in the order of the result.
//!
//! The order of the result depends on which selections are left out, so an operation with conditions has one plan for
//! each combination of their values. The plan is what is executed, measured for cost, looked ahead into and shaped.
//!
//! Decision: `docs/decisions/0017-operations-run-by-their-plan.md`.

use std::sync::Arc;

use apollo_compiler::{
    Name as DocumentName, Node,
    ast::Type,
    executable::{ExecutableDocument, Field, Operation, SelectionSet},
};
use async_graphql::{Name, Pos};

use super::{
    arguments::{DocumentArguments, FieldArguments},
    collect::FieldCollector,
    limits,
    position::Positions,
    request::RequestErrors,
    types::SchemaTypes,
};
use crate::graphql::engine::json::JsonPlans;

/// The plan of an operation with certain values of its condition variables.
pub(crate) struct Plan {
    /// The fields of the root object.
    pub fields: Vec<PlannedField>,
    /// How objects that are written as JSON directly are written: a place for each [`PlannedObject`].
    pub json: Arc<JsonPlans>,
}

/// A field of an object, selected once.
pub(crate) struct PlannedField {
    /// Its key in the result.
    pub key: Name,
    pub name: Name,
    pub ty: Type,
    /// The arguments, coerced except for the variables in them.
    pub arguments: FieldArguments,
    /// Where the document selects it first.
    pub position: Pos,
    pub selected: Selected,
}

/// What is selected of the value of a field.
pub(crate) enum Selected {
    /// The value is a scalar or an enum.
    Leaf,
    /// The value is an object of this type.
    Object(PlannedObject),
    /// The value is an object of one of these types.
    OneOf(Vec<PlannedObject>),
}

/// What is selected of an object.
pub(crate) struct PlannedObject {
    pub type_name: Name,
    pub fields: Vec<PlannedField>,
    /// The place of this object in [`Plan::json`].
    pub place: usize,
}

impl PlannedField {
    /// Whether it is a field of introspection, which the executor does not get.
    pub fn is_introspection(&self) -> bool {
        matches!(self.name.as_str(), "__schema" | "__type")
    }

    /// The objects that are selected of the field, one for each type that it can have.
    pub fn objects(&self) -> &[PlannedObject] {
        match &self.selected {
            Selected::Leaf => &[],
            Selected::Object(object) => std::slice::from_ref(object),
            Selected::OneOf(objects) => objects,
        }
    }
}

impl Plan {
    /// Plans an operation of a valid document. `condition` gives the values of its condition variables; `None`
    /// includes what depends on one. Fails when the plan has more fields than `limit`, counted for each type that an object
    /// can have.
    pub(super) fn new(
        types: &SchemaTypes,
        document: &ExecutableDocument,
        arguments: &DocumentArguments,
        operation: &Operation,
        condition: impl Fn(&str) -> Option<bool>,
        limit: usize,
    ) -> Result<Self, RequestErrors> {
        let collector = FieldCollector { types, document, condition };
        let positions = Positions::new(&document.sources);
        let mut planner = Planner { collector, arguments, positions, objects: 0, planned: 0, limit };
        let fields = planner.fields(operation.object_type(), [&operation.selection_set])?;
        Ok(Self { fields, json: Arc::new(JsonPlans::new(planner.objects)) })
    }

    /// Approximate size in memory without the arguments, in bytes.
    pub(super) fn size(&self) -> usize {
        fn size(field: &PlannedField) -> usize {
            FIELD_BYTES + field.objects().iter().flat_map(|object| &object.fields).map(size).sum::<usize>()
        }
        self.fields.iter().map(size).sum()
    }
}

/// Approximate bytes of a field.
const FIELD_BYTES: usize = 512;

struct Planner<'a, C> {
    collector: FieldCollector<'a, C>,
    arguments: &'a DocumentArguments,
    positions: Positions<'a>,
    /// Number of objects so far.
    objects: usize,
    /// Number of fields so far.
    planned: usize,
    limit: usize,
}

impl<'a, C: Fn(&str) -> Option<bool>> Planner<'a, C> {
    /// Plans what selection sets select of an object.
    fn fields(
        &mut self,
        object: &DocumentName,
        sets: impl IntoIterator<Item = &'a SelectionSet>,
    ) -> Result<Vec<PlannedField>, RequestErrors> {
        let collected = self.collector.collect(object, sets);
        self.planned += collected.len();
        limits::check("fields", self.planned as u64, self.limit).map_err(|error| vec![error])?;
        collected.into_iter().map(|(key, fields)| self.field(object, key, &fields)).collect()
    }

    fn field(
        &mut self,
        object: &DocumentName,
        key: &DocumentName,
        fields: &[&'a Node<Field>],
    ) -> Result<PlannedField, RequestErrors> {
        let field = fields[0];
        // The object's own definition: an interface may allow null where the object does not.
        let ty = self.collector.types.field(object, &field.name).map_or(field.ty(), |own| &own.ty);
        let value_type = ty.inner_named_type();
        let types = self.collector.types;
        let mut objects = Vec::new();
        for type_name in types.possible_types(value_type) {
            let place = self.objects;
            self.objects += 1;
            let fields = self.fields(type_name, fields.iter().map(|field| &field.selection_set))?;
            objects.push(PlannedObject { type_name: Name::new(type_name), fields, place });
        }
        let selected = match objects.len() {
            1 if !types.is_abstract(value_type) => objects.pop().map_or(Selected::Leaf, Selected::Object),
            0 => Selected::Leaf,
            _ => Selected::OneOf(objects),
        };
        Ok(PlannedField {
            key: Name::new(key),
            name: Name::new(&field.name),
            ty: ty.clone(),
            arguments: self.arguments.of(field),
            position: self.positions.of(field.location()),
            selected,
        })
    }
}
