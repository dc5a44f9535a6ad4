//! Tickets for event streams.

use async_graphql::{Context, InputObject, Object, Request, SimpleObject, Variables};

use crate::{
    graphql::{
        error::{ApiResult, UserError, payload},
        is_subscription,
        loaders::Call,
        scalars::DateTime,
    },
    service::{self, OperationHash, UserErrorCode, fingerprint},
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
pub struct StreamTicketPayload {
    /// The ticket; null on failure.
    ticket: Option<StreamTicket>,
    /// What was wrong.
    user_errors: Vec<UserError>,
}

/// What stands for an operation in its ticket.
pub fn operation_hash(request: &Request) -> OperationHash {
    let variables = request.variables.iter().map(|(name, value)| format!("{name}:{value}"));
    let parts = [request.query.clone(), request.operation_name.clone().unwrap_or_default()];
    fingerprint(parts.into_iter().chain(variables))
}

impl CreateStreamTicketInput {
    fn into_request(self) -> service::Result<Request> {
        let refused = |field: &str, message: &str| {
            service::UserError::at(UserErrorCode::InvalidInput, [field], message.to_owned()).into()
        };
        let mut request = Request::new(self.query);
        request.operation_name = self.operation_name.filter(|name| !name.is_empty());
        if let Some(text) = self.variables.filter(|text| !text.trim().is_empty()) {
            let variables: Option<Variables> =
                text.trim_start().starts_with('{').then(|| serde_json::from_str(&text).ok()).flatten();
            request.variables = variables.ok_or_else(|| refused("variables", "has to be a JSON object, as text"))?;
        }
        if !is_subscription(&mut request) {
            return Err(refused("query", "has to be a subscription"));
        }
        Ok(request)
    }
}

/// Mutations of tickets.
#[derive(Default)]
pub struct TicketMutation;

#[Object]
impl TicketMutation {
    /// Makes a ticket for an event stream (`text/event-stream`) by GET, for clients that can send no header with it:
    /// `/graphql?query=…&variables=…&ticket=…`. It is good for this one subscription.
    async fn create_stream_ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to subscribe to.")] input: CreateStreamTicketInput,
    ) -> ApiResult<StreamTicketPayload> {
        let call = Call::of_mutation(context);
        let create = || call.service.create_stream_ticket(&call.viewer(), operation_hash(&input.into_request()?));
        let (ticket, user_errors) = payload(create())?;
        let ticket = ticket.map(|ticket| StreamTicket { value: ticket.value, expires_at: DateTime(ticket.expires_at) });
        Ok(StreamTicketPayload { ticket, user_errors })
    }
}
