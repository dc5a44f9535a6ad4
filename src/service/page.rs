//! Pages of lists that the store gives up to a limit.

/// The first ones of what was found by asking for one more, and whether there are more.
pub(super) fn first_of<T>(mut found: Vec<T>, first: u32) -> (Vec<T>, bool) {
    let has_more = found.len() > first as usize;
    found.truncate(first as usize);
    (found, has_more)
}
