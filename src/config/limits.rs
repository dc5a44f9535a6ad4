//! Limits of operations.

use super::reader::section;

section! {
    /// What an operation may be at most. Fields, aliases and directives are counted with fragments spread out. One that
    /// exceeds a limit is refused with QUERY_TOO_COMPLEX, which names it.
    "limits" Limits {
        /// Cost of an operation, see docs/cost.md. With the default, 100 orders with their customers, lines, products and
        /// five tasks each are half of what is allowed.
        cost: usize = 10_000, in 1..=1_000_000_000;
        /// Fields within fields. Introspection, as GraphiQL asks for it, needs 15.
        depth: usize = 24, in 1..=32;
        /// Fields.
        fields: usize = 4000, in 1..=100_000;
        /// Fields of the operation itself.
        root_fields: usize = 50, in 1..=10_000;
        /// Aliases.
        aliases: usize = 100, in 0..=10_000;
        /// Directives.
        directives: usize = 100, in 0..=10_000;
        /// Tokens of a document: names, values and punctuation marks.
        tokens: usize = 4000, in 16..=100_000;
        /// Length of a document, in bytes.
        bytes: usize = 64 * 1024, in 64..=4 * 1024 * 1024;
    }
}
