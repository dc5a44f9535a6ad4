//! The rules of a schema's costs. [`super::read`] reads them from its directives.

use std::{collections::HashMap, sync::Arc};

use apollo_compiler::Name;

/// Names of an argument and the input fields in it, outermost first.
pub type ArgumentPath = Arc<[Name]>;

/// What the fields and types of a schema cost.
#[derive(Debug, Default)]
pub struct CostRules {
    /// The fields of objects by type and name. A field that is missing is free.
    pub(super) fields: HashMap<Name, HashMap<Name, CostRule>>,
    /// Points for each value of a type. A type that is missing is free.
    pub(super) types: HashMap<Name, u64>,
}

/// What a field costs without what is selected of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CostRule {
    /// Points for the field itself, charged once.
    pub price: u64,
    /// How many objects the field is expected to return.
    pub size: ListSize,
    /// What arguments add.
    pub arguments: Vec<ArgumentCost>,
}

/// How many objects a field returns at most, or is expected to return.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ListSize {
    /// One value, or a list whose entries are free.
    #[default]
    One,
    /// A list of this size.
    List(Size),
    /// An object that has lists of this size: a page.
    Page(Size),
    /// As long as the page that the field belongs to.
    OfPage,
}

/// The size of a list: the largest of its slicing arguments, or else the assumed size; no more than each bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// Arguments that say the size.
    pub slicing: Vec<ArgumentPath>,
    /// The size if no slicing argument is given.
    pub assumed: u64,
    /// Lists in the arguments that the list is no longer than.
    pub bounds: Vec<ArgumentPath>,
}

/// What an argument adds to the cost of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentCost {
    /// The argument, or the input field in it.
    pub path: ArgumentPath,
    /// Points that it adds.
    pub price: u64,
    /// Whether the price is charged for each item of the list given, rather than once when a value is given.
    pub each: bool,
}
