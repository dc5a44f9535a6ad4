//! GraphQL over HTTP, by <https://graphql.github.io/graphql-over-http/draft/>.
//!
//! A request is refused before it runs with a 4xx whatever the client accepts: malformed parameters (400), a mutation by
//! GET (405), a token that does not hold (401). A well-formed one that fails is 200 as `application/json`, as
//! that type's rules have it, and by its error code as `application/graphql-response+json`. As a stream its errors are
//! in the stream. Rate limits are not the specification's matter: what they refuse is 429 in any format.

use std::sync::Arc;

use async_graphql::{Response as GraphqlResponse, ServerError, parser::types::OperationType};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    accept::{self, Delivery, Format},
    body,
    client::Client,
    compression::Uncompressed,
    error::{self, Failure, code},
    observe::RequestId,
    params::{self, Invalid},
    router::Http,
    security,
    serve::Lifecycle,
    stream::{self, Framing},
    websocket, wire,
};
use crate::{
    domain::{EventCursor, InvalidCursor},
    graphql::{Authenticated, OperationRequest, Prepared},
};

impl From<Invalid> for Failure {
    fn from(Invalid(message): Invalid) -> Self {
        Self::bad_request(message)
    }
}

pub(super) async fn get(State(http): State<Arc<Http>>, request: Request) -> Response {
    if request.headers().contains_key(header::UPGRADE) {
        return websocket::upgrade(http, request).await;
    }
    let delivery = match accept::negotiate(request.headers()) {
        Ok(delivery) => delivery,
        Err(failure) => return failure.into_response(),
    };
    if let Err(failure) = security::check_site(&http.options.origins, request.headers()) {
        return failure.respond(delivery.error_format());
    }
    let read = params::from_uri(request.uri()).map_err(Failure::from);
    match read.and_then(|operation| Ok((Around::of(&request)?, operation))) {
        Ok((around, operation)) => run(&http, delivery, around, operation).await,
        Err(failure) => failure.respond(delivery.error_format()),
    }
}

pub(super) async fn post(State(http): State<Arc<Http>>, request: Request) -> Response {
    let delivery = match accept::negotiate(request.headers()) {
        Ok(delivery) => delivery,
        Err(failure) => return failure.into_response(),
    };
    let around = Around::of(&request);
    let read = read_body(&http, request).await.and_then(|operation| Ok((around?, operation)));
    match read {
        Ok((around, operation)) => run(&http, delivery, around, operation).await,
        Err(failure) => failure.respond(delivery.error_format()),
    }
}

/// What running an operation needs of the HTTP request around it.
struct Around {
    id: RequestId,
    lifecycle: Lifecycle,
    client: Client,
    authorization: Option<String>,
    /// Whether it came by GET, as from an `EventSource`.
    by_get: bool,
    /// Stands for the token in the URL of an event stream.
    ticket: Option<String>,
    /// Where a stream is to go on.
    resume: Option<EventCursor>,
}

impl Around {
    fn of(request: &Request) -> Result<Self, Failure> {
        #[expect(clippy::expect_used, reason = "the outermost layer puts it there")]
        let id = request.extensions().get::<RequestId>().expect("a request id").clone();
        Ok(Self {
            id,
            lifecycle: request.extensions().get::<Lifecycle>().cloned().unwrap_or_default(),
            client: request.extensions().get().copied().unwrap_or_default(),
            authorization: authorization(request.headers())?,
            by_get: request.method() == Method::GET,
            ticket: params::ticket(request.uri())?,
            resume: last_event_id(request.headers())?,
        })
    }
}

/// The cursor that an event stream was interrupted at.
fn last_event_id(headers: &HeaderMap) -> Result<Option<EventCursor>, Failure> {
    let Some(value) = headers.get("last-event-id").filter(|value| !value.is_empty()) else { return Ok(None) };
    let cursor = value.to_str().ok().and_then(|text| text.parse().ok());
    cursor.map(Some).ok_or_else(|| Failure::bad_request(format!("Last-Event-ID: {InvalidCursor}.")))
}

/// The one `Authorization` header.
pub(super) fn authorization(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().map(HeaderValue::to_str).transpose();
    match (value, values.next()) {
        (Ok(value), None) => Ok(value.map(ToOwned::to_owned)),
        _ => Err(Failure::bad_request("Send one Authorization header, of printable ASCII characters.")),
    }
}

async fn read_body(http: &Http, request: Request) -> Result<OperationRequest, Failure> {
    let (parts, body) = request.into_parts();
    accept::check_content_type(&parts.headers)?;
    let body = body::read(&parts.headers, body, http.options.body_limit, http.options.body_timeout).await?;
    let text = std::str::from_utf8(&body).map_err(|_| Failure::bad_request("The body is not UTF-8."))?;
    Ok(params::from_json(text)?)
}

async fn run(http: &Arc<Http>, delivery: Delivery, around: Around, request: OperationRequest) -> Response {
    let operation = http.endpoint.prepare(request, around.client.0).await;
    if around.by_get && operation.as_ref().is_ok_and(|operation| operation.kind() == OperationType::Mutation) {
        let failure =
            Failure::new(StatusCode::METHOD_NOT_ALLOWED, "BAD_USER_INPUT", "Mutations are taken by POST only.");
        return failure.with_header(header::ALLOW, "POST").respond(delivery.error_format());
    }
    let viewer = match (&around.ticket, &around.authorization) {
        (None, authorization) => http.endpoint.viewer(authorization.as_deref()).await,
        (Some(ticket), None) if around.by_get && delivery == Delivery::Events => match &operation {
            Ok(operation) => http.endpoint.authenticate_ticket(ticket, operation.hash(), around.resume.is_some()).await,
            // Tickets are for valid operations.
            Err(_) => Err(error::coded("the ticket is for another operation", "UNAUTHENTICATED")),
        },
        (Some(_), _) => {
            let message = "A ticket is for an event stream by GET, and in place of an Authorization header.";
            return Failure::bad_request(message).respond(delivery.error_format());
        }
    };
    let viewer = match viewer {
        Ok(viewer) => viewer,
        Err(error) => return refuse_viewer(delivery.error_format(), error, &around.id),
    };
    let framing = match delivery {
        Delivery::Whole(format) => return execute(http, format, &around.id, viewer, operation).await,
        Delivery::Multipart(Some(format)) if !operation.as_ref().is_ok_and(Prepared::subscribes) => {
            return execute(http, format, &around.id, viewer, operation).await;
        }
        Delivery::Multipart(_) => Framing::Multipart,
        Delivery::Events => Framing::Events { reconnects: around.by_get },
    };
    let seat = match http.seats.take(viewer.viewer) {
        Ok(seat) => seat,
        Err(reason) => {
            let failure = Failure::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", format!("{reason}."));
            return failure.respond(delivery.error_format());
        }
    };
    let Around { id, lifecycle, resume, .. } = around;
    stream::respond(http, framing, stream::Call { operation, viewer, resume, id, lifecycle, seat })
}

async fn execute(
    http: &Http,
    format: Format,
    id: &RequestId,
    viewer: Authenticated,
    operation: Result<Prepared, GraphqlResponse>,
) -> Response {
    let is_mutation = operation.as_ref().is_ok_and(|operation| operation.kind() == OperationType::Mutation);
    let mut response = match operation {
        Ok(operation) => http.endpoint.execute(viewer.viewer, operation).await,
        Err(refusal) => refusal,
    };
    wire::tag_internal_errors(&mut response.errors, id);
    let mut answer = respond(format, response);
    if is_mutation {
        answer.extensions_mut().insert(Uncompressed);
    }
    answer
}

/// The token does not hold, or it cannot be checked now.
fn refuse_viewer(format: Format, error: ServerError, id: &RequestId) -> Response {
    let status = match status_of_refusal(&error) {
        StatusCode::BAD_REQUEST => StatusCode::UNAUTHORIZED,
        status => status,
    };
    let mut errors = [error];
    wire::tag_internal_errors(&mut errors, id);
    let mut response = error::errors(status, format, &errors);
    let header = match status {
        StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#)),
        StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, "1")),
        _ => None,
    };
    response.headers_mut().extend(header.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

fn respond(format: Format, response: GraphqlResponse) -> Response {
    let status = match format {
        _ if wire::was_rate_limited(&response) => StatusCode::TOO_MANY_REQUESTS,
        Format::GraphqlResponse if wire::was_refused(&response) => {
            response.errors.first().map_or(StatusCode::BAD_REQUEST, status_of_refusal)
        }
        _ => StatusCode::OK,
    };
    let mut answer = error::json(status, format, wire::GraphqlResult::from(&response).to_json());
    if status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer.headers_mut().extend(response.http_headers);
    answer
}

fn status_of_refusal(error: &ServerError) -> StatusCode {
    match code(error) {
        "UNAUTHENTICATED" => StatusCode::UNAUTHORIZED,
        "FORBIDDEN" => StatusCode::FORBIDDEN,
        "RATE_LIMITED" => StatusCode::TOO_MANY_REQUESTS,
        "UNAVAILABLE" => StatusCode::SERVICE_UNAVAILABLE,
        "INTERNAL" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}
