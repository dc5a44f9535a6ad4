//! What is wrong with a line, in words that don't quote it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use crate::service::{ServiceError, input::Checks};

/// What is wrong with a line.
pub(in crate::service) type Fault = Cow<'static, str>;

/// Characters of the longest description of a fault, which may name a field that a line should not have.
const LONGEST: usize = 200;

/// Parses a line of JSON as a value of one type.
pub(super) fn parse_as<'l, T: Deserialize<'l>>(line: &'l [u8]) -> Result<T, Fault> {
    serde_json::from_slice(line).map_err(|error| {
        // Only a line with a fault is worth the time that it takes to know where the fault is.
        match serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_slice(line)) {
            Err(found) => describe(found.path(), found.inner()),
            Ok(_) => describe_text("", &error),
        }
    })
}

/// The first error that the checks have recorded.
pub(super) fn finish(checks: Checks) -> Result<(), Fault> {
    match checks.finish() {
        Ok(()) => Ok(()),
        Err(ServiceError::User(errors)) => {
            Err(errors.into_iter().next().map_or(Fault::Borrowed("not valid"), |error| {
                let field = error.field.unwrap_or_default().join(".");
                shortened(&format!("{field} {}", error.message))
            }))
        }
        Err(other) => Err(shortened(&other.to_string())),
    }
}

fn describe(path: &Path, error: &serde_json::Error) -> Fault {
    let mut place = String::new();
    for segment in path {
        match segment {
            Segment::Seq { .. } => place.push_str("[]"),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                if !place.is_empty() {
                    place.push('.');
                }
                place.push_str(key);
            }
            Segment::Unknown => {}
        }
    }
    describe_text(&place, error)
}

fn describe_text(place: &str, error: &serde_json::Error) -> Fault {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(&*text, |(what, _)| what);
    match error.classify() {
        Category::Eof => Fault::Borrowed("the line is cut off: its JSON ends too early"),
        Category::Syntax | Category::Io => shortened(&format!("not JSON: {text}")),
        Category::Data if text.starts_with("unknown field ") => {
            shortened(text.split_once(", expected ").map_or(text, |(field, _)| field))
        }
        Category::Data => match (place, what_it_must_be(text)) {
            ("", None) => shortened(text),
            ("", Some(must)) => shortened(&format!("must be {must}")),
            (place, None) => shortened(&format!("{place}: {text}")),
            (place, Some(must)) => shortened(&format!("{place} must be {must}")),
        },
    }
}

/// What a value must be, in the words of JSON, if the message of serde says that it is something else. Without the value, which
/// serde's message quotes.
fn what_it_must_be(text: &str) -> Option<Cow<'_, str>> {
    let is_of_value =
        ["invalid type: ", "invalid value: ", "unknown variant "].iter().any(|start| text.starts_with(start));
    let (_, expected) = text.rsplit_once(", expected ").filter(|_| is_of_value)?;
    Some(match expected {
        "i32" => "a whole number from -2147483648 to 2147483647".into(),
        "u64" => "a whole number from 0 on".into(),
        "a sequence" => "an array".into(),
        "a map" => "an object".into(),
        expected if expected.starts_with("struct ") => "an object".into(),
        expected => expected.replace('`', "").into(),
    })
}

/// A fault that may hold parts of the line: it must not control a terminal, nor be long.
fn shortened(text: &str) -> Fault {
    let shown = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
    shown.take(LONGEST).collect::<String>().into()
}
