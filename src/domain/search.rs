//! Free-text search: how texts become words. Engines store and compare these words, and analyse no text themselves, so a
//! search gives the same rows on each of them.
//!
//! A word is a run of letters and digits with their marks. Case, accents, vowel points and width do not matter. Chinese,
//! Japanese, Thai, Lao, Khmer and Burmese are written without spaces: there, each character and each pair of neighbours
//! is a word, and a search looks for pairs.
//!
//! The words of all stored entities follow from this file. A change of what [`SearchWords`] gives needs the
//! engines to store it anew: a migration of SQLite that empties the tables of words, and `WORDS` in `storage/mongo/words.rs`.
//!
//! Decision: `docs/decisions/0019-words-are-made-by-the-domain.md`.

use std::{collections::HashSet, iter::once};

use icu_properties::props::{GeneralCategory, Script};
use unicode_normalization::UnicodeNormalization;

use super::unicode::{category, is_invisible, is_mark, script};

/// Characters of a word that count; a longer one is cut, in texts and in searches.
const MAX_WORD: usize = 64;

/// Characters of the key by which names are sorted.
pub const MAX_NAME_KEY: usize = 400;

/// The words of a search. A row matches when it has every word, in any order. A search without words matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SearchTerms(Vec<String>);

/// The search has more words than [`SearchTerms::MAX_TERMS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "has more than {max} words; search for fewer (in scripts without spaces, two characters count as a word)",
    max = SearchTerms::MAX_TERMS
)]
pub struct TooManyWords;

impl SearchTerms {
    /// The most distinct words of a search; a pair of neighbours in a script without spaces is half a word.
    pub const MAX_TERMS: usize = 16;

    /// The words of `text`; no character of it is an operator.
    pub fn parse(text: &str) -> Result<Self, TooManyWords> {
        let mut terms: Vec<String> = Vec::new();
        let mut halves = 0;
        for run in runs(&folded(text)) {
            let weight = if run.starts.len() > 1 { 1 } else { 2 };
            for term in run.searched() {
                if terms.contains(&term) {
                    continue;
                }
                halves += weight;
                if halves > 2 * Self::MAX_TERMS {
                    return Err(TooManyWords);
                }
                terms.push(term);
            }
        }
        Ok(Self(terms))
    }

    /// The words, none empty, without spaces.
    pub fn terms(&self) -> &[String] {
        &self.0
    }
}

/// The words by which an entity is found, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchWords {
    /// Words of the name or title, which count for relevance: the number of terms of a search among them, plus their share
    /// of them.
    pub title: Vec<String>,
    /// The other words.
    pub other: Vec<String>,
}

impl SearchWords {
    /// The most words of an entity; it is not found by those that come after them.
    pub const MAX_WORDS: usize = 2048;

    /// The words of these texts.
    pub fn of<'t>(titles: impl IntoIterator<Item = &'t str>, texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut seen = HashSet::new();
        let title = distinct(titles, &mut seen);
        Self { title, other: distinct(texts, &mut seen) }
    }
}

fn distinct<'t>(texts: impl IntoIterator<Item = &'t str>, seen: &mut HashSet<String>) -> Vec<String> {
    let mut words = Vec::new();
    for text in texts {
        for run in runs(&folded(text)) {
            for word in run.stored() {
                if seen.len() == SearchWords::MAX_WORDS {
                    return words;
                }
                if seen.insert(word.clone()) {
                    words.push(word);
                }
            }
        }
    }
    words
}

/// A run of characters that belong together.
#[derive(Debug, Default)]
struct Run {
    text: String,
    /// Where each character with its marks begins, in a script without spaces; empty in others.
    starts: Vec<usize>,
}

impl Run {
    fn stored(self) -> Vec<String> {
        if self.starts.is_empty() {
            return vec![self.word()];
        }
        let characters = self.characters();
        characters.iter().map(|one| (*one).to_owned()).chain(characters.windows(2).map(<[&str]>::concat)).collect()
    }

    fn searched(self) -> Vec<String> {
        if self.starts.is_empty() {
            return vec![self.word()];
        }
        let pairs: Vec<String> = self.characters().windows(2).map(<[&str]>::concat).collect();
        if pairs.is_empty() { vec![self.text] } else { pairs }
    }

    fn characters(&self) -> Vec<&str> {
        let ends = self.starts.iter().skip(1).copied().chain(once(self.text.len()));
        self.starts.iter().zip(ends).map(|(start, end)| &self.text[*start..end]).collect()
    }

    fn word(mut self) -> String {
        if let Some((end, _)) = self.text.char_indices().nth(MAX_WORD) {
            self.text.truncate(end);
        }
        self.text
    }

    fn push(&mut self, c: char, kind: Kind) {
        let end = self.text.len();
        // A character with very many marks counts as several.
        let is_new = |start: &usize| !is_mark(c) || end - start > MAX_WORD;
        if kind == Kind::Spaceless && self.starts.last().is_none_or(is_new) {
            self.starts.push(end);
        }
        self.text.push(c);
    }
}

/// What a character is to its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Separator,
    Word,
    Spaceless,
}

fn runs(folded: &str) -> impl Iterator<Item = Run> {
    let mut rest = folded.chars().peekable();
    let mut previous = Kind::Separator;
    std::iter::from_fn(move || {
        let mut run = Run::default();
        while let Some(&c) = rest.peek() {
            let kind = kind(c, previous);
            if kind != previous && !run.text.is_empty() {
                // The next run begins with this character, whatever was before it.
                previous = Kind::Separator;
                return Some(run);
            }
            rest.next();
            previous = kind;
            if kind != Kind::Separator {
                run.push(c, kind);
            }
        }
        (!run.text.is_empty()).then_some(run)
    })
}

fn kind(c: char, previous: Kind) -> Kind {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Kind::Word } else { Kind::Separator };
    }
    let mark = is_mark(c);
    if !mark && !c.is_alphanumeric() {
        return Kind::Separator;
    }
    match script(c) {
        Script::Han
        | Script::Hiragana
        | Script::Katakana
        | Script::Bopomofo
        | Script::Thai
        | Script::Lao
        | Script::Khmer
        | Script::Myanmar => Kind::Spaceless,
        // Such as the mark that makes a vowel of Katakana long.
        Script::Common | Script::Inherited if mark || category(c) == GeneralCategory::ModifierLetter => previous,
        _ if mark && previous == Kind::Separator => Kind::Separator,
        _ => Kind::Word,
    }
}

/// The form of a text in which letters are compared.
fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkd().filter(|c| c.is_ascii() || !is_ignored(*c)).flat_map(case_folded).nfkc().collect()
}

/// The letter without its case: `ẞ` and `ß` become `ss`, `ς` becomes `σ`, `ı` becomes `i`.
fn case_folded(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// Accents, points of vowels and other characters that people leave out. Marks that make another letter or syllable, as in
/// Devanagari or Kana, stay. A zero-width space stays too: it separates words.
fn is_ignored(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark};
    const TATWEEL: char = '\u{640}';
    const ZERO_WIDTH_SPACE: char = '\u{200b}';
    const VOICED: [char; 2] = ['\u{3099}', '\u{309a}'];
    if matches!(category(c), EnclosingMark | NonspacingMark) {
        let script = script(c);
        let left_out = [
            Script::Inherited,
            Script::Latin,
            Script::Greek,
            Script::Cyrillic,
            Script::Hebrew,
            Script::Arabic,
            Script::Syriac,
        ];
        return left_out.contains(&script) && !VOICED.contains(&c);
    }
    c == TATWEEL || (c != ZERO_WIDTH_SPACE && is_invisible(c))
}

/// The form of a name by which lists are sorted: lower case, so that engines agree without a collation, and bounded, so
/// that the cursor of any row is. It keeps all of a name that [`super::text::line`] lets through.
pub(super) fn name_key(name: &str) -> String {
    name.to_lowercase().chars().take(MAX_NAME_KEY).collect()
}

#[cfg(test)]
mod tests;
