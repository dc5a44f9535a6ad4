//! What a free-text search means, the same on every storage engine.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The words of a search: every one has to occur, whatever its case or accents; word order does not matter.
/// Words are runs of letters and digits, so no character of the input is an operator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SearchTerms(Vec<String>);

impl SearchTerms {
    /// At most this many words are used; a longer search is cut.
    pub const MAX_TERMS: usize = 16;

    /// The words of `text`, or `None` when it has none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut terms: Vec<String> = Vec::new();
        let folded = fold(text);
        for word in folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            if !terms.iter().any(|term| term == word) {
                terms.push(word.to_owned());
            }
            if terms.len() == Self::MAX_TERMS {
                break;
            }
        }
        (!terms.is_empty()).then_some(Self(terms))
    }

    /// The words, lower-case and without accents, at least one, none empty, letters and digits only.
    pub fn terms(&self) -> &[String] {
        &self.0
    }
}

/// `text` in lower case and without accents: what searches compare.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.to_lowercase().nfd().filter(|c| !is_combining_mark(*c)).collect()
}

/// What names are sorted by: their lower-case form, so that both engines agree without a collation.
pub(super) fn name_key(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_letters_and_digits() {
        let terms = SearchTerms::parse("  T-Light \"HOLDER\" -heart t* OR").unwrap();
        assert_eq!(terms.terms(), ["t", "light", "holder", "heart", "or"]);
        assert_eq!(SearchTerms::parse("Café re\u{301}d").unwrap().terms(), ["cafe", "red"]);
        assert_eq!(SearchTerms::parse(" \0 \"*\" "), None);
        assert_eq!(SearchTerms::parse(&"a1 b2 ".repeat(1000)).unwrap().terms().len(), 2);
    }
}
