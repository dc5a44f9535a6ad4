//! Parses documents and validates them by every rule of <https://spec.graphql.org/September2025/#sec-Validation>.

use apollo_compiler::{
    ast::Document,
    diagnostic::{Diagnostic, ToCliReport},
    executable::ExecutableDocument,
    parser::Parser,
    validation::{DiagnosticData, DiagnosticList, Valid, WithErrors},
};
use async_graphql::ServerError;

use super::{
    arguments::DocumentArguments,
    extra_rules,
    limits::MAX_NESTING,
    position::Positions,
    request::{MAX_ERRORS, RequestErrors},
    suggestions,
    types::SchemaTypes,
};
use crate::graphql::engine::{code, error::refusal};

/// Kinds of errors whose place the validator leaves out when it goes on.
const LEAVE_OUT: [&str; 5] = [
    "UndefinedField",
    "UndefinedTypeInNamedFragmentTypeCondition",
    "UndefinedTypeInInlineFragmentTypeCondition",
    "SubselectionOnScalarType",
    "SubselectionOnEnumType",
];
/// The kind of error that the validator reports for more than one root field of a subscription, also with one response key.
const MULTIPLE_ROOT_FIELDS: &str = "SubscriptionUsesMultipleFields";
/// Kinds of errors that may come from what was left out: they tell of no fault of their own.
const MISSED: [&str; 3] = ["MissingSubselection", "UnusedVariable", "UnusedFragment"];

/// Levels of rules of the grammar within each other that the parser follows: a few for each level of nesting.
const PARSER_RECURSION: usize = 8 * MAX_NESTING;

/// Parses a document. Fails with the first syntax error, since what follows it may be its consequence.
pub(super) fn parse(text: &str) -> Result<Document, RequestErrors> {
    let mut parser = Parser::new().recursion_limit(PARSER_RECURSION);
    parser.parse_ast(text, "document.graphql").map_err(|invalid| {
        let mut errors = errors(&invalid.errors, 1, |_| None);
        errors.iter_mut().for_each(|error| error.message = with_punctuation(&error.message));
        errors
    })
}

/// Replaces the parser's names of punctuation in a message by the punctuation.
fn with_punctuation(message: &str) -> String {
    const EXPECTED: &str = "syntax error: expected ";

    let parts = message.strip_prefix(EXPECTED).and_then(|rest| rest.split_once(", got "));
    let Some((expected, found)) = parts else { return message.to_owned() };
    let expected = match expected {
        "L_CURLY" => "`{`",
        "R_CURLY" => "`}`",
        "L_PAREN" => "`(`",
        "R_PAREN" => "`)`",
        "L_BRACK" => "`[`",
        "R_BRACK" => "`]`",
        "COLON" => "`:`",
        "EQ" => "`=`",
        other => other,
    };
    let found = if found == "EOF" { "the end of the document".to_owned() } else { format!("`{found}`") };
    format!("{EXPECTED}{expected}, got {found}")
}

/// A document that keeps every rule.
pub(super) struct ValidDocument {
    pub document: Valid<ExecutableDocument>,
    pub arguments: DocumentArguments,
}

/// How documents are validated.
pub(super) struct Validator {
    /// Whether documents may ask for the schema, and errors suggest its names.
    pub introspection: bool,
}

impl Validator {
    /// Validates a document without the values of its variables. Fails with every error up to [`MAX_ERRORS`].
    pub fn validate(&self, types: &SchemaTypes, document: &Document) -> Result<ValidDocument, RequestErrors> {
        let suggest = |message: &str| self.introspection.then(|| suggestions::suggestion(types, message)).flatten();
        let valid = match document.to_executable_validate(types.schema()) {
            Ok(valid) => valid,
            Err(WithErrors { partial, errors }) if errors.iter().all(|error| kind(&error) == MULTIPLE_ROOT_FIELDS) => {
                // The extra rules count by response key.
                Valid::assume_valid(partial)
            }
            Err(invalid) => return Err(self::errors(&invalid.errors, MAX_ERRORS, suggest)),
        };
        let arguments = extra_rules::check(types, &valid, self.introspection)?;
        Ok(ValidDocument { document: valid, arguments })
    }
}

/// The validator's name of the kind of an error.
fn kind(diagnostic: &Diagnostic<'_, DiagnosticData>) -> &'static str {
    diagnostic.error.unstable_error_name().unwrap_or_default()
}

/// The first errors, each with its place in the document and with a suggestion if there is one.
fn errors(diagnostics: &DiagnosticList, most: usize, suggest: impl Fn(&str) -> Option<String>) -> RequestErrors {
    let incomplete = diagnostics.iter().any(|diagnostic| LEAVE_OUT.contains(&kind(&diagnostic)));
    let told = diagnostics.iter().filter(|diagnostic| {
        let kind = kind(diagnostic);
        kind != MULTIPLE_ROOT_FIELDS && !(incomplete && MISSED.contains(&kind))
    });
    let mut positions = None;
    let errors = told.take(most).map(|diagnostic| {
        let message = diagnostic.error.unstable_compat_message();
        let mut message = message.unwrap_or_else(|| diagnostic.error.to_string());
        if let Some(suggestion) = suggest(&message) {
            message = format!("{message} {suggestion}");
        }
        let mut error: ServerError = refusal(code::BAD_USER_INPUT, message);
        let positions = positions.get_or_insert_with(|| Positions::new(diagnostic.sources));
        error.locations.extend(diagnostic.error.location().map(|span| positions.of(Some(span))));
        error
    });
    errors.collect()
}
