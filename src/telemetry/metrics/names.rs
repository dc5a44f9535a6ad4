//! Label values that clients choose.

use std::collections::HashSet;

use parking_lot::RwLock;

/// The label of all values past the limit.
const OTHER: &str = "other";
/// The longest value that is kept, in bytes.
const LONGEST: usize = 80;

/// Keeps the first values up to a number; all others become `other`.
#[derive(Debug)]
pub struct BoundedNames {
    most: usize,
    seen: RwLock<HashSet<&'static str>>,
}

impl BoundedNames {
    /// Keeps up to `most` values for the life of the process.
    pub fn new(most: usize) -> Self {
        Self { most, seen: RwLock::default() }
    }

    /// The label for a value: itself, or `other`.
    pub fn label(&self, name: &str) -> &'static str {
        let seen = self.seen.read();
        if let Some(known) = seen.get(name) {
            return known;
        }
        if seen.len() >= self.most || name.len() > LONGEST {
            return OTHER;
        }
        drop(seen);
        let mut seen = self.seen.write();
        if seen.len() >= self.most && !seen.contains(name) {
            return OTHER;
        }
        if !seen.contains(name) {
            // Never freed; bounded by the two limits.
            seen.insert(Box::leak(name.into()));
        }
        seen.get(name).copied().unwrap_or(OTHER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_past_the_limit_become_other() {
        let names = BoundedNames::new(2);
        assert_eq!(
            ["a", "a", "b", "c", "a", "d"].map(|name| names.label(name)),
            ["a", "a", "b", "other", "a", "other"]
        );
        assert_eq!(BoundedNames::new(9).label(&"x".repeat(LONGEST + 1)), "other");
    }
}
