//! Page sizes of connections. The cost of a list and the arguments that the schema accepts depend on them.

/// Page size when neither `first` nor `last` is given.
pub const DEFAULT_PAGE_SIZE: u32 = 20;
/// The largest value that `first` and `last` accept.
pub const MAX_PAGE_SIZE: i32 = 100;
