//! Where parts of a document stand in its text, as errors tell it.

use apollo_compiler::parser::{SourceMap, SourceSpan};
use async_graphql::Pos;

/// The line and column at which a part of a document begins, both counted from 1; 0 when it is not in the text.
pub(super) fn position(sources: &SourceMap, span: Option<SourceSpan>) -> Pos {
    let start = span.and_then(|span| span.line_column(sources));
    start.map_or(Pos { line: 0, column: 0 }, |start| Pos { line: start.line, column: start.column })
}
