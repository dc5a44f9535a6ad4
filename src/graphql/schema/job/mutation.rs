//! Retrying and discarding jobs.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::types::Job;
use crate::{
    domain,
    graphql::{
        engine::{document::directives::cost, error::ApiResult},
        schema::{
            error::{UserError, input_id, payload},
            request_context::RequestContext,
        },
    },
    service,
};

/// Which job to try again.
#[derive(InputObject)]
pub struct RetryJobInput {
    /// Which job.
    id: ID,
}

/// Which job to discard.
#[derive(InputObject)]
pub struct DiscardJobInput {
    /// Which job.
    id: ID,
}

/// The answer to a change of a job.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct JobPayload {
    /// The job; null on failure.
    job: Option<Job>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

impl JobPayload {
    fn from_result(result: service::Result<domain::Job>) -> ApiResult<Self> {
        let (job, user_errors) = payload(result)?;
        Ok(Self { job: job.map(|job| Job(Arc::new(job))), user_errors })
    }
}

/// Mutations of jobs.
#[derive(Default)]
pub struct JobMutation;

#[Object]
impl JobMutation {
    /// Admin: has a job that waits, has failed or was discarded done at once, with as many attempts as at first.
    #[graphql(directive = cost::apply("100".into()))]
    async fn retry_job(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which job.")] input: RetryJobInput,
    ) -> ApiResult<JobPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let retry = || async { request.service.retry_job(&request.viewer(), input_id("id", &input.id)?).await };
        JobPayload::from_result(retry().await)
    }

    /// Admin: decides that a job that waits or has failed need not be done. A job that is done again and again can't be
    /// discarded.
    #[graphql(directive = cost::apply("100".into()))]
    async fn discard_job(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which job.")] input: DiscardJobInput,
    ) -> ApiResult<JobPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let discard = || async { request.service.discard_job(&request.viewer(), input_id("id", &input.id)?).await };
        JobPayload::from_result(discard().await)
    }
}
