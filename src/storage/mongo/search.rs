//! The words that free-text search matches: each document holds its own, folded, under an index.
//!
//! MongoDB's text index has another idea of what a word is, so the same search would find other rows than on another
//! engine. An array of words with a plain index finds exactly what `SearchTerms` promises.

use std::collections::HashSet;

use bson::{Bson, Document, doc};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::domain::SearchTerms;

/// The distinct words of `texts`, in the order in which they first occur: runs of letters and digits, lower-case and
/// without accents.
pub(super) fn search_words<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut words = Vec::new();
    for text in texts {
        for word in fold(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            if seen.insert(word.to_owned()) {
                words.push(word.to_owned());
            }
        }
    }
    words
}

/// The condition that every term is a word of the document.
pub(super) fn contains_all(terms: &SearchTerms) -> Document {
    doc! { "$all": folded_terms(terms) }
}

/// How well a document fits: how many terms its title has, and how much of the title they make up. The title is the
/// first `title_length` of its words. Every document found has all the terms, so how rare a term is would not change
/// the order.
pub(super) fn relevance(terms: &SearchTerms) -> Document {
    let length = doc! { "$max": [1, "$title_length"] };
    let title = doc! { "$slice": ["$words", length.clone()] };
    let hits = doc! { "$size": { "$setIntersection": [title, folded_terms(terms)] } };
    doc! { "$add": [hits.clone(), { "$divide": [hits, length] }] }
}

fn folded_terms(terms: &SearchTerms) -> Vec<Bson> {
    terms.terms().iter().map(|term| fold(term).into()).collect()
}

fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.to_lowercase().nfd().filter(|c| !is_combining_mark(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_distinct_and_whole() {
        let found = search_words(["T-LIGHT Café, cafe\u{301}s", "light 84029G İstanbul"]);
        assert_eq!(found, ["t", "light", "cafe", "cafes", "84029g", "istanbul"]);
    }
}
