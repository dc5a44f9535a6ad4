//! What the Unicode database says of a character.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory, Script},
};

/// The general category, such as "lower-case letter".
pub(super) fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// The script that the character belongs to; `Common` or `Inherited` if it belongs to several.
pub(super) fn script(c: char) -> Script {
    CodePointMapData::<Script>::new().get(c)
}

/// Whether the character belongs to the one before it: an accent, a vowel sign, a virama.
pub(super) fn is_mark(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    matches!(category(c), EnclosingMark | NonspacingMark | SpacingMark)
}

/// Whether nothing is seen of the character: zero-width spaces, joiners, directional marks, variation selectors.
pub(super) fn is_invisible(c: char) -> bool {
    !c.is_ascii()
        && (category(c) == GeneralCategory::Format || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c))
}

/// Whether the character ends a line: a control character, or one of the separators of lines and paragraphs.
pub(super) fn is_line_break_or_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}
