//! What the answer to a query depends on, as its resolvers say.
//!
//! Decision: `docs/decisions/0029-public-answers.md`.

use std::{collections::HashSet, sync::Arc};

use async_graphql::Context;
use parking_lot::Mutex;

use crate::service::feed::Topic;

/// What the answer to a query depends on.
pub struct AnswerReads {
    noted: Mutex<Noted>,
    /// How many fields of the root are selected.
    fields: usize,
}

#[derive(Default)]
struct Noted {
    /// How many fields have said what they depend on.
    fields: usize,
    topics: HashSet<Topic>,
}

impl AnswerReads {
    /// Nothing yet, of a query that selects this many fields of the root.
    pub(super) fn new(fields: usize) -> Self {
        Self { noted: Mutex::default(), fields }
    }

    /// Notes for a field of the root that its value, whatever is selected of it, changes only with an entry of one of these
    /// topics. Each field of the root notes this once, or the answer counts as one that may change at any time.
    pub(crate) fn note(context: &Context<'_>, topics: impl IntoIterator<Item = Topic>) {
        if let Some(reads) = context.data_opt::<Arc<Self>>() {
            let mut noted = reads.noted.lock();
            noted.fields += 1;
            noted.topics.extend(topics);
        }
    }

    /// The topics whose entries can change the answer; `None` if a field has not said on what it depends.
    pub(super) fn topics(&self) -> Option<HashSet<Topic>> {
        let noted = self.noted.lock();
        (noted.fields == self.fields).then(|| noted.topics.clone())
    }
}
