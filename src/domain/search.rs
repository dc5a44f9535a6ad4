//! Free-text search, with the same meaning on every storage engine.

use unicode_normalization::UnicodeNormalization;

/// The words of a search. A row matches when every word occurs in it, in any order, case and accents ignored. Words are
/// runs of letters and digits, so no character of the input is an operator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SearchTerms(Vec<String>);

impl SearchTerms {
    /// At most this many words are used; a longer search is cut.
    pub const MAX_TERMS: usize = 16;

    /// The words of `text`, or `None` when it has none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut terms: Vec<String> = Vec::new();
        // A letter and its accent, typed as two characters, become one letter.
        let text: String = text.nfc().collect();
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            let word = word.to_lowercase();
            if !terms.contains(&word) {
                terms.push(word);
            }
            if terms.len() == Self::MAX_TERMS {
                break;
            }
        }
        (!terms.is_empty()).then_some(Self(terms))
    }

    /// The words, lower-case, at least one, none empty, letters and digits only.
    pub fn terms(&self) -> &[String] {
        &self.0
    }
}

/// The form of a name by which lists are sorted: lower case, so that engines agree without a collation.
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
        assert_eq!(SearchTerms::parse("Café re\u{301}d").unwrap().terms(), ["café", "réd"]);
        assert_eq!(SearchTerms::parse(" \0 \"*\" "), None);
        assert_eq!(SearchTerms::parse(&"a1 b2 ".repeat(1000)).unwrap().terms().len(), 2);
    }
}
