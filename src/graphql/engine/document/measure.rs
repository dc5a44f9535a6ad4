//! Measures a parsed document before any other step reads it.
//!
//! Other steps follow every spread of a fragment, so fragments that spread each other twice double their work at each
//! level. Here each fragment is measured once, and its measures are added for each spread. A document that passes is
//! small with its fragments expanded, so the other steps may follow every spread.

use std::collections::HashMap;

use apollo_compiler::{
    Name, Node,
    ast::{Argument, Definition, DirectiveList, Document, FragmentDefinition, Selection, Value},
};
use async_graphql::ServerError;

use super::{
    limits::{self, DocumentLimits, MAX_NESTING},
    position::Positions,
};
use crate::graphql::engine::{code, error::refusal};

/// Sizes of a selection with its fragments expanded.
#[derive(Debug, Clone, Copy, Default)]
struct Measures {
    /// Levels of selections within selections, fragments included.
    nesting: u64,
    /// Levels of fields within fields.
    depth: u64,
    fields: u64,
    aliases: u64,
    directives: u64,
    /// Approximate size of the values of arguments, in bytes: a plan has them at each place where a fragment is spread.
    values: u64,
    /// Fields of the selection itself, without those below them.
    own_fields: u64,
}

impl Measures {
    /// Combines the measures of two selections of the same object.
    fn combine(self, other: Self) -> Self {
        Self {
            nesting: self.nesting.max(other.nesting),
            depth: self.depth.max(other.depth),
            fields: self.fields.saturating_add(other.fields),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            values: self.values.saturating_add(other.values),
            own_fields: self.own_fields.saturating_add(other.own_fields),
        }
    }
}

/// Fails if the document exceeds a limit, or a fragment spreads itself.
pub(super) fn check(document: &Document, limits: &DocumentLimits) -> Result<(), ServerError> {
    let fragments = document.definitions.iter().filter_map(Definition::as_fragment_definition);
    let fragments = fragments.map(|fragment| (&fragment.name, fragment)).collect();
    let mut measurer = Measurer { document, fragments, known: HashMap::new() };
    let (mut total, mut roots) = (Measures::default(), 0);
    for operation in document.definitions.iter().filter_map(Definition::as_operation_definition) {
        let on_variables = operation.variables.iter().map(|variable| variable.directives.len());
        let own = operation.directives.len() + on_variables.sum::<usize>();
        let measures = measurer.selections(&operation.selection_set, 1)?;
        roots = roots.max(measures.own_fields);
        total = total.combine(measures).combine(Measures { directives: own as u64, ..Measures::default() });
    }
    // Validation also reads the fragments that nothing spreads.
    for definition in &document.definitions {
        if let Some(fragment) = definition.as_fragment_definition()
            && !measurer.known.contains_key(&fragment.name)
        {
            total = total.combine(measurer.fragment(&fragment.name, 1)?);
        }
    }
    limits::check("nesting", total.nesting, MAX_NESTING)?;
    limits::check("depth", total.depth, limits.depth)?;
    limits::check("fields", total.fields, limits.fields)?;
    limits::check("rootFields", roots, limits.root_fields)?;
    limits::check("bytes", total.values, limits.bytes)?;
    limits::check("aliases", total.aliases, limits.aliases)?;
    limits::check("directives", total.directives, limits.directives)
}

/// Approximate size of the values of arguments, in bytes. Their nesting is bounded by the limit on brackets within brackets.
fn values_size(arguments: &[Node<Argument>]) -> u64 {
    /// Bytes for a value beside its text, about as many as in a document.
    const VALUE: u64 = 8;

    fn size(value: &Value) -> u64 {
        VALUE
            + match value {
                Value::String(text) => text.len() as u64,
                Value::Enum(name) | Value::Variable(name) => name.len() as u64,
                Value::List(items) => items.iter().map(|item| size(item)).sum(),
                Value::Object(fields) => fields.iter().map(|(name, value)| name.len() as u64 + size(value)).sum(),
                _ => 0,
            }
    }
    arguments.iter().map(|argument| argument.name.len() as u64 + size(&argument.value)).sum()
}

struct Measurer<'a> {
    document: &'a Document,
    fragments: HashMap<&'a Name, &'a Node<FragmentDefinition>>,
    /// Measures of the fragments so far; `None` while a fragment is being measured.
    known: HashMap<&'a Name, Option<Measures>>,
}

impl<'a> Measurer<'a> {
    /// Measures a selection set at this level of nesting.
    fn selections(&mut self, set: &'a [Selection], level: usize) -> Result<Measures, ServerError> {
        limits::check("nesting", level as u64, MAX_NESTING)?;
        let mut sum = Measures { nesting: 1, ..Measures::default() };
        for selection in set {
            let (mut measures, directives): (Measures, &DirectiveList) = match selection {
                Selection::Field(field) => {
                    let below = if field.selection_set.is_empty() {
                        Measures::default()
                    } else {
                        self.selections(&field.selection_set, level + 1)?
                    };
                    let measures = Measures {
                        nesting: 1 + below.nesting,
                        depth: 1 + below.depth,
                        fields: below.fields.saturating_add(1),
                        aliases: below.aliases.saturating_add(u64::from(field.alias.is_some())),
                        directives: below.directives,
                        values: below.values.saturating_add(values_size(&field.arguments)),
                        own_fields: 1,
                    };
                    (measures, &field.directives)
                }
                Selection::FragmentSpread(spread) => {
                    (self.fragment(&spread.fragment_name, level + 1)?, &spread.directives)
                }
                Selection::InlineFragment(fragment) => {
                    (self.selections(&fragment.selection_set, level + 1)?, &fragment.directives)
                }
            };
            if !matches!(selection, Selection::Field(_)) {
                // A fragment counts as a field, because an empty one is work too.
                measures.fields = measures.fields.saturating_add(1);
                measures.nesting += 1;
            }
            measures.directives = measures.directives.saturating_add(directives.len() as u64);
            sum = sum.combine(measures);
        }
        Ok(sum)
    }

    fn fragment(&mut self, name: &'a Name, level: usize) -> Result<Measures, ServerError> {
        // Validation reports spreads of fragments that do not exist.
        let Some(&fragment) = self.fragments.get(name) else { return Ok(Measures::default()) };
        match self.known.get(name) {
            Some(Some(measures)) => return Ok(*measures),
            Some(None) => {
                let mut error = refusal(code::BAD_USER_INPUT, format!("The fragment `{name}` spreads itself."));
                error.locations.push(Positions::new(&self.document.sources).of(fragment.location()));
                return Err(error);
            }
            None => {}
        }
        self.known.insert(name, None);
        let mut measures = self.selections(&fragment.selection_set, level)?;
        measures.directives = measures.directives.saturating_add(fragment.directives.len() as u64);
        self.known.insert(name, Some(measures));
        Ok(measures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::engine::document::validator::parse;

    fn refused(document: &str) -> String {
        check(&parse(document).unwrap(), &limits::default_limits())
            .map_or_else(|error| error.message, |()| String::new())
    }

    #[test]
    fn fragments_that_double_the_work_are_refused_at_once() {
        let doubling = (0..40).map(|n| format!("fragment F{n} on Query {{ ...F{} ...F{} }}", n + 1, n + 1));
        let document = format!("{{ ...F0 }} {} fragment F40 on Query {{ me {{ id }} }}", doubling.collect::<String>());
        let document = parse(&document).unwrap();
        // Following each spread would take 2^40 steps.
        let error = check(&document, &limits::default_limits()).unwrap_err();
        assert!(error.message.contains("`fields`"), "{}", error.message);
    }

    #[test]
    fn errors_name_the_exceeded_limit() {
        let many = |count: usize, part: &dyn Fn(usize) -> String| (0..count).map(part).collect::<String>();
        let limits = limits::default_limits();
        for (document, expected) in [
            (
                format!("{{ {} }}", many(limits.root_fields + 1, &|_| "me { id } ".to_owned())),
                "`rootFields`: it has 51",
            ),
            (
                "{ ...F } fragment F on Query { ...G ...G } fragment G on Query { ".to_owned()
                    + &many(26, &|n| format!("a{n} "))
                    + "}",
                "`rootFields`: it has 52",
            ),
            (
                format!("{{ me {{ {} }} }}", many(limits.aliases + 1, &|n| format!("a{n}: id "))),
                "`aliases`: it has 101",
            ),
            (
                format!("{{ me {{ id {} }} }}", many(limits.directives + 1, &|_| "@skip(if: true)".to_owned())),
                "`directives`: it has 101",
            ),
            (format!("query {} {{ me {{ id }} }}", many(limits.directives + 1, &|_| "@a ".to_owned())), "`directives`"),
            ("{ a ".repeat(limits.depth + 1) + &"}".repeat(limits.depth + 1), "`depth`: it has 25"),
            (
                "{ a { ...F } } fragment F on A { b { ...G } } fragment G on B { c { ...F } }".to_owned(),
                "`F` spreads itself",
            ),
            ("{ a } fragment F on A { ...F }".to_owned(), "`F` spreads itself"),
            (
                format!(
                    "{{ {} }} fragment F on A {{ b(c: [{}]) }}",
                    many(20, &|n| format!("a{n} {{ ...F }} ")),
                    "LOW ".repeat(900)
                ),
                "`bytes`: it has",
            ),
            (
                format!("{{ a }} {}", many(5, &|n| format!("fragment U{n} on A {{ {} }} ", "b ".repeat(800)))),
                "`fields`: it has 4001",
            ),
        ] {
            let message = refused(&document);
            assert!(
                message.contains(expected)
                    || (message.contains("spreads itself") && expected.contains("spreads itself")),
                "{document:.80}: {message}"
            );
        }
    }

    #[test]
    fn a_long_chain_of_fragments_does_not_exhaust_the_stack() {
        let chain = (0..500).map(|n| format!("fragment F{n} on Query {{ ...F{} }}", n + 1)).collect::<String>();
        assert!(refused(&format!("{{ ...F0 }} {chain}")).contains("`nesting`"));
    }

    #[test]
    fn usual_documents_are_within_the_limits() {
        for document in [
            "{ a @skip(if: true) { ...F } b { ...F ...Unknown } } fragment F on A { c: d { e } }",
            "{ __schema { types { fields { type { ofType { ofType { name } } } } } } }",
            include_str!("../../../../benches/nested-query.graphql"),
        ] {
            assert_eq!(refused(document), "");
        }
    }
}
