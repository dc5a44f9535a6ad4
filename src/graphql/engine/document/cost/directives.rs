//! The directives that hold the costs in the schema.
//!
//! `@cost` and `@listSize` are those of the GraphQL Cost Directives Specification
//! (<https://ibm.github.io/graphql-specs/cost-spec.html>); `@listSizeBound` is ours. [`super::rules`] reads them.

#![allow(non_camel_case_types, reason = "the library makes a type with the name of each directive")]

use async_graphql::TypeDirective;

/// What this adds to the cost of an operation: a field each time that it is selected, an argument or input field each
/// time that a value is given for it, a type for each value of it. Without it objects weigh 1, everything else nothing.
// The specification also allows scalars, which the library prints without directives.
#[TypeDirective(
    location = "ArgumentDefinition",
    location = "Enum",
    location = "FieldDefinition",
    location = "InputFieldDefinition",
    location = "Object"
)]
pub fn cost(weight: String) {}

/// How many entries the list counts: as many as a slicing argument says, or else the assumed size. With sized fields,
/// these are the lists in the object that the field returns.
#[TypeDirective(name = "listSize", location = "FieldDefinition")]
pub fn list_size(
    assumed_size: Option<i32>,
    slicing_arguments: Option<Vec<String>>,
    sized_fields: Option<Vec<String>>,
    #[graphql(default_with = "Some(true)")] require_one_slicing_argument: Option<bool>,
) {
}

/// The list that `@listSize` describes is no longer than any list that is given for these arguments. A dot leads to a
/// field of an input object.
#[TypeDirective(name = "listSizeBound", location = "FieldDefinition")]
pub fn list_size_bound(arguments: Vec<String>) {}
