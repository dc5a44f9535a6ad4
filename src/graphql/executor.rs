//! Running operations that are prepared.

use std::{sync::Arc, time::Duration};

use async_graphql::{Request, Response, Schema};
use futures_util::{StreamExt, stream};

use super::{
    Mutation, Query, Subscription,
    document::{Documents, Prepared},
    error::{self, ApiError},
    live::Phase,
    loaders::Call,
    operation::{Batches, Operation},
    throttle,
};
use crate::{
    domain::Viewer,
    service::{Allowance, Service, ServiceError},
};

/// Runs operations.
pub(super) struct Executor {
    pub documents: Arc<Documents>,
    /// Validates next to nothing: documents are valid when they come here.
    pub schema: Schema<Query, Mutation, Subscription>,
    pub service: Arc<Service>,
    /// What takes longer is logged.
    pub slow: Duration,
}

impl Executor {
    /// Runs a query or mutation.
    pub async fn execute(&self, viewer: Viewer, operation: &Prepared) -> Response {
        let measured = operation.measured(self.slow);
        let allowance = match self.charge(viewer, operation).await {
            Ok(allowance) => allowance,
            Err(refusal) => {
                measured.end(error::outcome(&refusal.errors));
                return refusal;
            }
        };
        let (request, batches) = self.request(viewer, operation, Phase::None);
        let schema = self.schema.clone();
        let answer = stream::once(async move { schema.execute(request).await }).boxed();
        let answer = measured.run(Operation::new(answer, batches).next()).await;
        // Invariant: the stream has one item.
        let response = complete(answer.unwrap_or_default(), operation, allowance);
        measured.end(error::outcome(&response.errors));
        response
    }

    /// Takes what the operation costs from what its sender has left, and says what that is then; `None` when there is no
    /// limit for them. Fails with the response that refuses it.
    pub async fn charge(&self, viewer: Viewer, operation: &Prepared) -> Result<Option<Allowance>, Response> {
        self.service.charge(&viewer, operation.client(), operation.cost()).await.map_err(|error| {
            let allowance = match &error {
                ServiceError::RateLimited { allowance, .. } => Some(*allowance),
                _ => None,
            };
            let mut response = Response::from_errors(vec![ApiError::from(error).into_server_error()]);
            throttle::tell(&mut response, operation, allowance);
            response
        })
    }

    /// Runs a subscription in a phase that has one answer at most.
    pub async fn subscription(&self, viewer: Viewer, operation: &Prepared, phase: Phase) -> Option<Response> {
        let (request, batches) = self.request(viewer, operation, phase);
        let answer = Operation::new(self.schema.execute_stream(request), batches).next().await?;
        Some(complete(answer, operation, None))
    }

    /// The request with what its resolvers need, and the batches they will ask for.
    fn request(&self, viewer: Viewer, operation: &Prepared, phase: Phase) -> (Request, Batches) {
        let batches = Batches::default();
        let writes_plain = operation.shape().is_plain();
        let (service, documents) = (self.service.clone(), self.documents.clone());
        let client = operation.client();
        let call = Call::new(service, documents, viewer, client, batches.clone(), phase, writes_plain);
        (operation.request().data(Arc::new(call)), batches)
    }
}

/// The response as clients get it, with what they have left.
fn complete(mut response: Response, operation: &Prepared, allowance: Option<Allowance>) -> Response {
    operation.shape().apply(&mut response);
    error::add_codes(&mut response);
    throttle::tell(&mut response, operation, allowance);
    response
}
