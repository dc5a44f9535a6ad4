//! Visits the selections of operations.

use std::collections::HashSet;

use apollo_compiler::{
    Name,
    executable::{ExecutableDocument, Operation, Selection, SelectionSet},
};

/// Visits selections, those of a fragment only where it is spread first. Their nesting is bounded by the limits on documents.
pub(super) struct Walk<'a> {
    document: &'a ExecutableDocument,
    spread: HashSet<&'a Name>,
}

impl<'a> Walk<'a> {
    pub fn new(document: &'a ExecutableDocument) -> Self {
        Self { document, spread: HashSet::new() }
    }

    /// Calls `visit` with each selection of an operation, and whether it is one of the root. Fragments that an operation before
    /// it spreads are left out.
    pub fn operation(&mut self, operation: &'a Operation, mut visit: impl FnMut(&'a Selection, bool)) {
        self.selections(&operation.selection_set, true, &mut visit);
    }

    fn selections(&mut self, set: &'a SelectionSet, root: bool, visit: &mut impl FnMut(&'a Selection, bool)) {
        for selection in &set.selections {
            visit(selection, root);
            match selection {
                Selection::Field(field) => self.selections(&field.selection_set, false, visit),
                Selection::InlineFragment(fragment) => self.selections(&fragment.selection_set, root, visit),
                Selection::FragmentSpread(fragment) => {
                    if self.spread.insert(&fragment.fragment_name)
                        && let Some(fragment) = fragment.fragment_def(self.document)
                    {
                        self.selections(&fragment.selection_set, root, visit);
                    }
                }
            }
        }
    }
}
