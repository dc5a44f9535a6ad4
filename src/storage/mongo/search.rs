//! Free-text search: each document holds its words, folded, in an indexed array.
//!
//! MongoDB's text index splits text into words differently, so a search would find other rows than on SQLite. An array of
//! words with a plain index finds exactly what `SearchTerms` promises.

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

/// The relevance of a document: the number of terms in its title, and their share of the title. The title is the first
/// `title_length` words. Every document that is found has all the terms, so the rarity of a term would not change the
/// order.
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
