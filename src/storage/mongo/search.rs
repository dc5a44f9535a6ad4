//! Free-text search: each document holds its words in an indexed array, those of its title first.
//!
//! MongoDB's text index splits text into words by rules of its own, so a search would find other rows than on SQLite. An
//! array of words with a plain index finds exactly what `SearchTerms` promises.

use bson::{Document, RawDocument, RawDocumentBuf, doc};

use super::codec::{append_fields, read_fields};
use crate::{
    domain::{SearchTerms, SearchWords},
    storage::Result,
};

/// Appends the words by which a document is found, and how many of them are words of its title.
pub(super) fn append_words(document: &mut RawDocumentBuf, words: SearchWords) {
    let SearchWords { title, other } = words;
    append_fields!(*document, "title_length": title.len() as i32, "words": [title, other].concat());
}

/// The words that are stored in a document.
pub(super) fn stored_words(document: &RawDocument) -> Result<SearchWords> {
    read_fields!(document, length: "title_length", words: "words");
    let mut title: Vec<String> = words.optional()?.unwrap_or_default();
    let length = usize::try_from(length.optional::<i32>()?.unwrap_or_default()).unwrap_or_default();
    let other = title.split_off(length.min(title.len()));
    Ok(SearchWords { title, other })
}

/// The condition that every term is a word of the document.
pub(super) fn contains_all(terms: &SearchTerms) -> Document {
    doc! { "$all": terms.terms() }
}

/// The relevance of a document: the number of terms in its title, and their share of the title. The title is the first
/// `title_length` words. Every document that is found has all the terms, so the rarity of a term would not change the
/// order.
pub(super) fn relevance(terms: &SearchTerms) -> Document {
    let length = doc! { "$max": [1, "$title_length"] };
    let title = doc! { "$slice": ["$words", length.clone()] };
    let hits = doc! { "$size": { "$setIntersection": [title, terms.terms()] } };
    doc! { "$add": [hits.clone(), { "$divide": [hits, length] }] }
}
