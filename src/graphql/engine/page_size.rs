//! Sizes of pages in lists: they decide what a list costs, and what the schema accepts.

/// Page size when neither `first` nor `last` is given.
pub const DEFAULT_PAGE_SIZE: u32 = 20;
/// The largest page.
pub const MAX_PAGE_SIZE: i32 = 100;
