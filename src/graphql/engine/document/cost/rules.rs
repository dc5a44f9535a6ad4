//! The rules of a schema's costs, which the schema hands to the engine.

/// Names of an argument and the input fields in it, outermost first.
pub type ArgumentPath = &'static [&'static str];

/// What the fields of a schema cost where that does not follow from their types.
#[derive(Debug, Clone, Copy, Default)]
pub struct CostRules {
    /// The fields that have a rule of their own: a slice for each entity.
    pub fields: &'static [&'static [FieldCost]],
    /// Object types that are free, since they are a part of the object around them.
    pub part_types: &'static [&'static str],
}

impl CostRules {
    /// The rule of a field; `None` when its cost follows from its type.
    pub(super) fn of_field(self, type_name: &str, field: &str) -> Option<CostRule> {
        self.all().find(|cost| cost.type_name == type_name && cost.field == field).map(|cost| cost.rule)
    }

    pub(super) fn all(self) -> impl Iterator<Item = &'static FieldCost> {
        self.fields.iter().copied().flatten()
    }
}

/// The rule of one field.
#[derive(Debug, Clone, Copy)]
pub struct FieldCost {
    /// Name of the object type that has the field.
    pub type_name: &'static str,
    /// Name of the field in the schema.
    pub field: &'static str,
    /// What the field costs.
    pub rule: CostRule,
}

/// What a field costs without what is selected of it.
#[derive(Debug, Clone, Copy)]
pub struct CostRule {
    /// Points for the field itself, charged once.
    pub price: u64,
    /// How many objects the field is expected to return.
    pub size: ListSize,
    /// What arguments add.
    pub arguments: &'static [ArgumentCost],
}

impl CostRule {
    /// A field that is one value and costs nothing itself.
    pub const FREE: Self = Self { price: 0, size: ListSize::One, arguments: &[] };
}

/// How many objects a field returns at most, or is expected to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListSize {
    /// The field is not a list.
    One,
    /// A page of a connection: its `nodes` and `edges` are this long. It is no longer than any of these lists.
    Page(&'static [ArgumentPath]),
    /// As long as the page that the field belongs to.
    OfPage,
    /// The value of the argument `first`, or else this many.
    First(u64),
    /// As long as the list in this argument.
    LengthOf(ArgumentPath),
    /// A list that is not paged, with this many entries.
    Assumed(u64),
}

/// What an argument adds to the cost of a field.
#[derive(Debug, Clone, Copy)]
pub struct ArgumentCost {
    /// The argument, or the input field in it.
    pub path: ArgumentPath,
    /// Points that it adds.
    pub price: u64,
    /// Whether the price is charged for each item of the list given, rather than once when a value is given.
    pub each: bool,
}
