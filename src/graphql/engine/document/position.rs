//! Where parts of a document stand in its text, as errors tell it.

use apollo_compiler::parser::{SourceMap, SourceSpan};
use async_graphql::Pos;

/// Finds lines and columns in the text of a document. Only line feeds and carriage returns end a line:
/// <https://spec.graphql.org/September2025/#sec-Line-Terminators>. The parser's own lines end in more places.
pub(super) struct Positions<'a> {
    text: &'a str,
    /// The offset at which each line begins, in bytes.
    lines: Vec<usize>,
}

impl<'a> Positions<'a> {
    /// Reads the text of the document that these are the sources of. Sources of the schema stand before it.
    pub fn new(sources: &'a SourceMap) -> Self {
        let text = sources.values().last().map_or("", |source| source.source_text());
        let bytes = text.as_bytes();
        let ends_line = |at: usize| match bytes[at] {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let starts = (0..bytes.len()).filter(|at| ends_line(*at)).map(|at| at + 1);
        Self { text, lines: std::iter::once(0).chain(starts).collect() }
    }

    /// The line and column at which a part of the document begins, both counted from 1; 0 when it is not in the text. Columns
    /// are characters.
    pub fn of(&self, span: Option<SourceSpan>) -> Pos {
        span.and_then(|span| self.at(span.offset())).unwrap_or(Pos { line: 0, column: 0 })
    }

    fn at(&self, offset: usize) -> Option<Pos> {
        let line = self.lines.partition_point(|start| *start <= offset);
        let before = self.text.get(*self.lines.get(line.checked_sub(1)?)?..offset)?;
        Some(Pos { line, column: 1 + before.chars().count() })
    }
}

#[cfg(test)]
mod tests {
    use crate::graphql::{
        engine::document::{lexer::without_descriptions, types::SchemaTypes, validator::*},
        schema::SCALARS,
    };

    #[test]
    fn only_the_line_terminators_of_the_specification_end_a_line() {
        let types = SchemaTypes::new(&crate::graphql::sdl(), SCALARS).unwrap();
        let first = |document: &str| {
            let validator = Validator { introspection: true };
            let parsed = parse(&without_descriptions(document));
            let refused = parsed.and_then(|document| validator.validate(&types, &document)).map(drop).unwrap_err();
            let at = refused[0].locations[0];
            (at.line, at.column)
        };
        for (end, lines) in [
            ("\n", 1),
            ("\r", 1),
            ("\r\n", 1),
            ("\n\r", 2),
            ("\r\r\n", 2),
            ("\n\n", 2),
            ("\u{2028}", 0),
            ("\u{2029}", 0),
            ("\u{85}", 0),
            ("\u{b}", 0),
            ("\u{c}", 0),
            ("é🎁", 0),
        ] {
            let width = end.chars().count();
            // In a comment, a string and a description, before an error of the validator, of ours and of the parser.
            assert_eq!(first(&format!("#{end}#\n{{me{{nope}}}}")), (lines + 2, 5), "{end:?} in a comment");
            let found = first(&format!("{{a:product(id:\"\"\"{end}\"\"\"){{nope}}}}"));
            let column = if lines == 0 { "{a:product(id:\"\"\"\"\"\"){".len() + width + 1 } else { "\"\"\"){n".len() };
            assert_eq!(found, (lines + 1, column), "{end:?} in a block string");
            let found = first(&format!("\"\"\"{end}\"\"\"query{{products(filter:{{minPrice:\"x\"}}){{totalCount}}}}"));
            let before = "\"\"\"query{products(filter:".len();
            let column = if lines == 0 { 3 + width + before + 1 } else { before + 1 };
            assert_eq!(found, (lines + 1, column), "{end:?} in a description");
            assert_eq!(first(&format!("#{end}#\n{{me{{id}}}}}}")), (lines + 2, 9), "{end:?} before a syntax error");
        }
    }
}
