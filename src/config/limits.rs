//! Settings that limit the size of a GraphQL operation.

use super::section::section;

section! {
    /// The largest operation that is accepted. Fields, aliases and directives are counted with fragments expanded. An
    /// operation that exceeds a limit is refused with QUERY_TOO_COMPLEX, which names the limit.
    "limits" Limits {
        /// Cost of an operation, see docs/cost.md. 100 orders with their customers, lines, products and five tasks each cost
        /// half of the default. Signing in costs some more than 900, so no limit is below 1,000.
        cost: usize = 10_000, in 1_000..=1_000_000_000;
        /// How deep fields may be nested. The introspection query of GraphiQL needs 15.
        depth: usize = 24, in 1..=32;
        /// Number of fields.
        fields: usize = 4000, in 1..=100_000;
        /// Number of fields at the top level of the operation.
        root_fields: usize = 50, in 1..=10_000;
        /// Number of aliases.
        aliases: usize = 100, in 0..=10_000;
        /// Number of directives.
        directives: usize = 100, in 0..=10_000;
        /// Number of tokens of a document: names, values and punctuation marks.
        tokens: usize = 4000, in 16..=100_000;
        /// Length of a document, in bytes.
        bytes: usize = 64 * 1024, in 64..=4 * 1024 * 1024;
        /// Length of an answer, and of each update of a subscription, in bytes. Writing stops there.
        answer_bytes: usize = 8 * 1024 * 1024, in 4096..=1024 * 1024 * 1024;
        /// Bytes of entities that an operation may load from the database; each field of a mutation begins anew. Loading stops
        /// there.
        loaded_bytes: usize = 16 * 1024 * 1024, in 65_536..=1024 * 1024 * 1024;
    }
}
