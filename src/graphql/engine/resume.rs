//! Where a subscription resumes after an interruption.

use async_graphql::Context;

use crate::domain::EventCursor;

/// Request data: the subscription resumes after this event, and ignores its cursor argument.
#[derive(Debug, Clone, Copy)]
pub struct ResumeAfter(pub EventCursor);

impl ResumeAfter {
    /// The cursor that the subscription of `context` resumes after; `argument` is used when the request has none.
    pub fn or(context: &Context<'_>, argument: Option<EventCursor>) -> Option<EventCursor> {
        context.data_opt::<Self>().map(|resumed| resumed.0).or(argument)
    }
}
