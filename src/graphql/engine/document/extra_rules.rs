//! Rules that the validator leaves to the server: one root field of a subscription (5.2.4.1), where the validator counts two
//! fields of one response key as two; variables within values ([`variable_positions`]); input fields that are given twice
//! (5.6.3); values of custom scalars; and introspection where it is off.

use apollo_compiler::{
    executable::{ExecutableDocument, Operation, Selection},
    parser::SourceSpan,
    validation::Valid,
};
use async_graphql::ServerError;

use super::{
    arguments::DocumentArguments, collect::FieldCollector, position::Positions, types::SchemaTypes, variable_positions,
    walk::Walk,
};
use crate::graphql::engine::{code, error::refusal};

/// Returns the arguments of a document that is valid but for these rules. Fails with every error.
pub(super) fn check(
    types: &SchemaTypes,
    document: &Valid<ExecutableDocument>,
    introspection: bool,
) -> Result<DocumentArguments, Vec<ServerError>> {
    let positions = Positions::new(&document.sources);
    let mut check = Check {
        types,
        document,
        positions: &positions,
        introspection,
        arguments: DocumentArguments::default(),
        errors: Vec::new(),
    };
    // Every fragment of a valid document is spread, so this visits all of it.
    let mut walk = Walk::new(document);
    for operation in document.operations.iter() {
        if operation.is_subscription() {
            check.one_root_field(operation);
        }
        walk.operation(operation, |selection, _| check.selection(selection));
        check.errors.extend(variable_positions::check(types, document, &positions, operation));
    }
    if check.errors.is_empty() { Ok(check.arguments) } else { Err(check.errors) }
}

struct Check<'a> {
    types: &'a SchemaTypes,
    document: &'a ExecutableDocument,
    positions: &'a Positions<'a>,
    introspection: bool,
    arguments: DocumentArguments,
    errors: Vec<ServerError>,
}

impl Check<'_> {
    fn one_root_field(&mut self, operation: &Operation) {
        let collector = FieldCollector { types: self.types, document: self.document, condition: |_: &str| None };
        let fields = collector.collect(operation.object_type(), [&operation.selection_set]);
        if let Some(second) = fields.values().nth(1).and_then(|fields| fields.first()) {
            self.refuse(second.location(), "A subscription must select only one top level field.".to_owned());
        }
    }

    fn selection(&mut self, selection: &Selection) {
        let Selection::Field(field) = selection else { return };
        if !self.introspection && matches!(field.name.as_str(), "__schema" | "__type") {
            self.refuse(field.location(), "Introspection is not allowed on this server.".to_owned());
        }
        for (at, message) in self.arguments.add(self.types, field) {
            self.refuse(at, message);
        }
    }

    fn refuse(&mut self, at: Option<SourceSpan>, message: String) {
        let mut error = refusal(code::BAD_USER_INPUT, message);
        error.locations.push(self.positions.of(at));
        self.errors.push(error);
    }
}
