//! Answers that caches may keep: those to GETs of registered queries by anonymous viewers, where the schema's hints allow
//! it.
//!
//! Such an answer has an entity tag. A client that sends it back in `If-None-Match` gets 304 as long as the answer is the
//! same: without running the query if this node knows that nothing has changed, otherwise after running it.
//!
//! Decision: `docs/decisions/0029-public-answers.md`.

use axum::{
    http::{HeaderValue, header},
    response::Response,
};

use crate::{
    domain::Viewer,
    graphql::{Endpoint, ObservedQuery, PreparedOperation, PublicAnswers, RATE_LIMIT_HEADERS},
    http::entity_tag::{self, KnownTags},
};

/// The answer to a query, which caches may keep if it has no errors.
pub(super) struct PublicAnswer<'a> {
    answers: &'a PublicAnswers,
    query: ObservedQuery,
    /// The answers that the client has.
    known: &'a KnownTags,
    /// How many seconds caches may keep it.
    max_age: u32,
}

impl<'a> PublicAnswer<'a> {
    /// The answer to a GET of this viewer; `None` if caches may not keep it. To be called before the operation runs.
    pub(super) fn new(
        endpoint: &'a dyn Endpoint,
        viewer: Viewer,
        operation: &mut PreparedOperation,
        known: &'a KnownTags,
    ) -> Option<Self> {
        let max_age = operation.max_age().filter(|_| viewer == Viewer::Anonymous)?;
        let answers = endpoint.public_answers()?;
        Some(Self { answers, query: answers.observe(operation), known, max_age })
    }

    /// The response to a client that has the answer, if this node knows without running the query that it is the same.
    pub(super) fn unchanged(&self) -> Option<Response> {
        if self.known.is_empty() {
            return None;
        }
        let tag = self.answers.tag(&self.query)?;
        self.known.contain(&tag).then(|| self.with_headers(entity_tag::not_modified(), &tag))
    }

    /// Remembers the tag of an answer without errors.
    pub(super) fn remember(&self, json: &[u8]) -> String {
        let tag = entity_tag::tag_of(json);
        self.answers.remember(&self.query, &tag);
        tag
    }

    /// The response with the answer that has this tag, or one without it to a client that has it.
    pub(super) fn respond(&self, tag: &str, mut answer: Response) -> Response {
        if self.known.contain(tag) {
            return self.with_headers(entity_tag::not_modified(), tag);
        }
        // They are about the client that asked first.
        RATE_LIMIT_HEADERS.iter().for_each(|name| _ = answer.headers_mut().remove(name));
        self.with_headers(answer, tag)
    }

    fn with_headers(&self, mut response: Response, tag: &str) -> Response {
        entity_tag::set(&mut response, tag);
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::try_from(format!("public, max-age={}", self.max_age)) {
            headers.insert(header::CACHE_CONTROL, value);
        }
        headers.insert(header::VARY, HeaderValue::from_static("accept, authorization, orderwire-consistency"));
        response
    }
}
