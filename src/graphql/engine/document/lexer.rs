//! Counts the tokens and the nesting of a document before it is parsed: the parser is recursive, and takes a microsecond
//! or more for each token.

use std::{borrow::Cow, ops::Range};

use async_graphql::ServerError;

use super::limits::{self, DocumentLimits, MAX_NESTING};
use crate::graphql::engine::{code, error::refusal};

/// Size of a document before it is parsed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    tokens: u64,
    /// Levels of brackets within brackets.
    nesting: u64,
}

/// Fails if the document is longer or more deeply nested than the limits allow.
pub(super) fn check(document: &str, limits: &DocumentLimits) -> Result<(), ServerError> {
    limits::check("bytes", document.len() as u64, limits.bytes)?;
    let counts = count(document.as_bytes());
    limits::check("tokens", counts.tokens, limits.tokens)?;
    limits::check("nesting", counts.nesting, MAX_NESTING)?;
    // The parser takes a line break right behind the mark for a part of the string.
    let open = |token: Range<usize>| &document.as_bytes()[token] == b"\"";
    if tokens(document.as_bytes()).any(open) {
        return Err(refusal(code::BAD_USER_INPUT, "syntax error: a string must end on the line on which it begins"));
    }
    Ok(())
}

/// Counts the lexical tokens of <https://spec.graphql.org/September2025/#sec-Appendix-Grammar-Summary>. Each
/// byte that is part of no token counts as one.
fn count(document: &[u8]) -> Counts {
    let mut counts = Counts::default();
    let mut open: u64 = 0;
    for token in tokens(document) {
        match document[token.start] {
            b'{' | b'[' | b'(' => {
                open += 1;
                counts.nesting = counts.nesting.max(open);
            }
            b'}' | b']' | b')' => open = open.saturating_sub(1),
            _ => {}
        }
        counts.tokens += 1;
    }
    counts
}

/// Replaces the descriptions of operations, fragments and variables by spaces: the parser does not know them, and they mean
/// nothing for the execution (section 2.10 of the September 2025 edition). Everything else keeps its place.
pub(super) fn without_descriptions(document: &str) -> Cow<'_, str> {
    let bytes = document.as_bytes();
    if !bytes.contains(&b'"') {
        return document.into();
    }
    let mut blank = Vec::new();
    let mut open: Vec<&[u8]> = Vec::new();
    let mut before: Option<&[u8]> = None;
    let mut tokens = tokens(bytes).peekable();
    while let Some(token) = tokens.next() {
        let text = &bytes[token.clone()];
        let next = tokens.peek().map(|next| &bytes[next.clone()]);
        match text {
            b"{" | b"[" | b"(" => open.push(text),
            b"}" | b"]" | b")" => _ = open.pop(),
            [b'"', ..] => {
                let describes = match open.as_slice() {
                    [] => matches!(next, Some(b"query" | b"mutation" | b"subscription" | b"fragment")),
                    // A string behind a colon or an equals sign is a value.
                    [b"("] => next == Some(b"$") && !matches!(before, Some(b":" | b"=")),
                    _ => false,
                };
                // A description that is not a valid string stays, and the parser refuses it.
                if describes && super::validator::parse(&format!("{{a(b:{})}}", &document[token.clone()])).is_ok() {
                    blank.push(token);
                }
            }
            _ => {}
        }
        before = Some(text);
    }
    if blank.is_empty() {
        return document.into();
    }
    let mut kept = String::with_capacity(document.len());
    let mut end = 0;
    for token in blank {
        kept.push_str(&document[end..token.start]);
        kept.extend(document[token.clone()].chars().map(|char| if matches!(char, '\r' | '\n') { char } else { ' ' }));
        end = token.end;
    }
    kept.push_str(&document[end..]);
    kept.into()
}

/// The text that a valid document has in common with those that differ from it by white space, commas and comments only:
/// its tokens, with a space where two of them would else become one.
pub(super) fn canonical(document: &str) -> String {
    let bytes = document.as_bytes();
    let mut text = String::with_capacity(document.len());
    // Of the bytes outside of tokens and comments, only a byte order mark is valid.
    for token in tokens(bytes).filter(|token| bytes[token.start].is_ascii()) {
        let stands_alone = |byte: Option<&u8>| byte.is_none_or(|byte| b"{}()[]:!=$@|&".contains(byte));
        if !stands_alone(text.as_bytes().last()) && !stands_alone(bytes.get(token.start)) {
            text.push(' ');
        }
        text.push_str(&document[token]);
    }
    text
}

/// The lexical tokens of a document. A byte that is part of none stands for itself.
fn tokens(document: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = &document[at..];
            let len = match rest.first()? {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                    at += 1;
                    continue;
                }
                b'#' => {
                    at += prefix_len(rest, |byte| !matches!(byte, b'\r' | b'\n'));
                    continue;
                }
                b'"' => string_len(rest),
                b'.' if rest.starts_with(b"...") => 3,
                b'A'..=b'Z' | b'a'..=b'z' | b'_' => {
                    prefix_len(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_')
                }
                b'0'..=b'9' | b'-' => {
                    1 + prefix_len(&rest[1..], |byte| {
                        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-')
                    })
                }
                _ => 1,
            };
            let token = at..(at + len).min(document.len());
            at = token.end;
            return Some(token);
        }
    })
}

/// Number of leading bytes that match.
fn prefix_len(bytes: &[u8], matches: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !matches(*byte)).unwrap_or(bytes.len())
}

/// Length of a string literal with its quotation marks; an unterminated one ends with the line or the document.
fn string_len(bytes: &[u8]) -> usize {
    let (mark, ends_with_line): (&[u8], bool) =
        if bytes.starts_with(b"\"\"\"") { (b"\"\"\"", false) } else { (b"\"", true) };
    let mut at = mark.len();
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            // In a block string only the closing mark can be escaped.
            at += if ends_with_line {
                2
            } else if bytes[at + 1..].starts_with(mark) {
                4
            } else {
                1
            };
        } else if bytes[at..].starts_with(mark) {
            return at + mark.len();
        } else if ends_with_line && matches!(bytes[at], b'\r' | b'\n') {
            return at;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::engine::document::validator::parse;

    fn counts(document: &str) -> (u64, u64) {
        let counts = count(document.as_bytes());
        (counts.tokens, counts.nesting)
    }

    #[test]
    fn tokens_are_counted_as_in_the_grammar() {
        for (document, tokens, nesting) in [
            ("", 0, 0),
            (" ,,\t\n# { comment \" {\r\n", 0, 0),
            ("{ a }", 3, 1),
            ("query Q($n: [Int!]! = [1, -2.5e+10]) { a(b: $n) ...F @skip(if: true) }", 35, 2),
            ("{ a(b: \"x } \\\" { y\") }", 8, 2),
            ("{ a(b: \"\"\"x \" \\\"\"\" { \"\"\") }", 8, 2),
            ("{ a(b: \"\") c(d: \"\"\"\"\"\") }", 14, 2),
            ("\"open", 1, 0),
            ("\"open\n{ {", 3, 2),
            ("\"\"\"open { \n", 1, 0),
            ("\"\\", 1, 0),
            ("\"\"\"\\", 1, 0),
            ("}}}{", 4, 1),
            ("\u{feff}é", 5, 0),
            ("{a(b:[[[1]]])}", 14, 5),
        ] {
            assert_eq!(counts(document), (tokens, nesting), "{document}");
        }
    }

    #[test]
    fn a_string_ends_on_its_line() {
        for document in ["{ a(b: \"\n\") }", "{ a(b: \"", "{ a(b: \"\r\")"] {
            let message = check(document, &limits::default_limits()).unwrap_err().message;
            assert!(message.contains("a string must end on the line"), "{document}: {message}");
        }
        check("{ a(b: \"\", c: \"\"\"\n\"\"\") }", &limits::default_limits()).unwrap();
    }

    #[test]
    fn oversized_documents_are_refused_before_they_are_parsed() {
        let limits = limits::default_limits();
        for (document, name) in [
            (format!("{{ a }} # {}", "x".repeat(limits.bytes)), "bytes"),
            ("{".to_owned() + &"a ".repeat(limits.tokens), "tokens"),
            ("{a".repeat(MAX_NESTING + 1), "nesting"),
            (format!("{{ a(b: {}) }}", "[".repeat(MAX_NESTING)), "nesting"),
            (format!("query ($a: {}) {{ a }}", "[".repeat(MAX_NESTING)), "nesting"),
        ] {
            let message = check(&document, &limits).unwrap_err().message;
            assert!(message.contains(&format!("`{name}`")), "{message}");
        }
        let deepest = "{a".repeat(MAX_NESTING) + &"}".repeat(MAX_NESTING);
        check(&deepest, &limits).unwrap();
        parse(&deepest).unwrap();
        let deepest = format!("{{ a(b: {}{}) }}", "[".repeat(MAX_NESTING - 2), "]".repeat(MAX_NESTING - 2));
        check(&deepest, &limits).unwrap();
        parse(&deepest).unwrap();
    }

    #[test]
    fn spellings_of_a_document_have_one_canonical_text_with_the_same_meaning() {
        for (document, expected) in [
            ("{ me { id } }", "{me{id}}"),
            ("\u{feff}# all of me\n{\r\n\tme, {id}\n}\n", "{me{id}}"),
            (
                "query Q ( $n : [ Int! ] = [ 1, -2.5e+10 ] , $b : Boolean! ) { a ( b : $n ) ... F ... on T @skip ( if : $b ) { c d } } fragment F on T { e }",
                "query Q($n:[Int!]=[1 -2.5e+10]$b:Boolean!){a(b:$n)... F ... on T@skip(if:$b){c d}}fragment F on T{e}",
            ),
            ("{ a(b: \" é  x \", c: \"\", d: \"y\") }", "{a(b:\" é  x \" c:\"\" d:\"y\")}"),
            (
                "{ a(b: [\"\", \"x\", 1, 2], c: \"\"\"\n  two\n  lines\"\"\") }",
                "{a(b:[\"\" \"x\" 1 2]c:\"\"\"\n  two\n  lines\"\"\")}",
            ),
        ] {
            let text = canonical(document);
            assert_eq!((&*text, &*canonical(&text)), (expected, expected));
            let meaning = |text: &str| parse(text).unwrap().to_string();
            assert_eq!(meaning(&text), meaning(document.trim_start_matches('\u{feff}')));
        }
    }

    #[test]
    fn descriptions_of_definitions_and_variables_are_left_out() {
        for (document, kept) in [
            ("\"Me\" query { me { id } }", "     query { me { id } }"),
            ("\"\"\"A\nb\"\"\"\nfragment F on User { id }", "    \n    \nfragment F on User { id }"),
            (
                "query (\"n\" $n: Int, \"m\" $m: String = \"x\" $o: Int) { a }",
                "query (    $n: Int,     $m: String = \"x\" $o: Int) { a }",
            ),
            (
                "query ($s: [S] = [\"x\"] $o: Int) { a(b: \"x\" c: $o) }",
                "query ($s: [S] = [\"x\"] $o: Int) { a(b: \"x\" c: $o) }",
            ),
            ("\"not here\" { me { id } }", "\"not here\" { me { id } }"),
            ("{ a \"not here\" b }", "{ a \"not here\" b }"),
            ("\"é\" query { a }", "    query { a }"),
            ("\"\\u{110000}\" query { a }", "\"\\u{110000}\" query { a }"),
        ] {
            assert_eq!(without_descriptions(document), kept);
        }
    }
}
