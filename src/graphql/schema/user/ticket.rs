//! Tickets for event streams.
//!
//! Decision: `docs/decisions/0009-stream-tickets.md`.

use async_graphql::{Context, InputObject, Object, SimpleObject, Variables};

use crate::{
    graphql::{
        engine::{
            document::{OperationRequest, directives::cost},
            error::ApiResult,
        },
        schema::{
            error::{UserError, payload},
            request_context::RequestContext,
            scalars::DateTime,
        },
    },
    service::{self, OperationHash, UserErrorCode},
};

/// The subscription that a ticket is for. The URL has to say the same.
#[derive(InputObject)]
pub struct CreateStreamTicketInput {
    /// The document.
    query: String,
    /// Which operation of it.
    operation_name: Option<String>,
    /// The variables, as JSON text.
    variables: Option<String>,
}

/// A ticket for one event stream. It is a secret.
#[derive(SimpleObject)]
pub struct StreamTicket {
    /// Goes into the URL of an event stream as the parameter `ticket`, where an `EventSource` can send no header.
    value: String,
    /// Before this time the stream has to begin. Then it can be resumed for as long as the session lasts.
    expires_at: DateTime,
}

/// The answer to making a ticket.
#[derive(SimpleObject)]
#[graphql(directive = cost::apply("0".into()))]
pub struct StreamTicketPayload {
    /// The ticket; null on failure.
    ticket: Option<StreamTicket>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

impl CreateStreamTicketInput {
    fn into_request(self) -> service::Result<OperationRequest> {
        let mut request = OperationRequest::new(self.query);
        request.operation_name = self.operation_name.filter(|name| !name.is_empty());
        if let Some(text) = self.variables.filter(|text| !text.trim().is_empty()) {
            let variables: Option<Variables> =
                text.trim_start().starts_with('{').then(|| serde_json::from_str(&text).ok()).flatten();
            request.variables = variables.ok_or_else(|| refused("variables", "must be a JSON object, as text"))?;
        }
        Ok(request)
    }
}

fn refused(field: &str, message: &str) -> service::ServiceError {
    service::UserError::at(UserErrorCode::InvalidInput, [field], message.to_owned()).into()
}

/// What stands for the subscription in its ticket.
async fn hash_of(request: &RequestContext, input: CreateStreamTicketInput) -> service::Result<OperationHash> {
    let operation = OperationRequest { client: request.client, ..input.into_request()? };
    let operation = request.documents.prepare(operation).await.map_err(|response| {
        let reason = response.errors.first().map_or("it is not valid", |error| &error.message);
        refused("query", reason)
    })?;
    if !operation.subscribes() {
        return Err(refused("query", "must be a subscription"));
    }
    Ok(operation.hash())
}

/// Mutations of tickets.
#[derive(Default)]
pub struct TicketMutation;

#[Object]
impl TicketMutation {
    /// Makes a ticket for an event stream (`text/event-stream`) by GET, for clients that can send no header with it:
    /// `/graphql?query=…&variables=…&ticket=…`. It is good for this one subscription.
    #[graphql(directive = cost::apply("10".into()))]
    async fn create_stream_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to subscribe to.")] input: CreateStreamTicketInput,
    ) -> ApiResult<StreamTicketPayload> {
        let request = RequestContext::for_mutation(context).await?;
        let operation = hash_of(request, input).await;
        let (ticket, user_errors) = payload(
            operation.and_then(|operation| request.service.create_stream_ticket(&request.viewer(), operation)),
        )?;
        let ticket = ticket.map(|ticket| StreamTicket { value: ticket.value, expires_at: DateTime(ticket.expires_at) });
        Ok(StreamTicketPayload { ticket, user_errors })
    }
}
