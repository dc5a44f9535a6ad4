//! GraphQL over HTTP, by <https://graphql.github.io/graphql-over-http/draft/>.
//!
//! Some requests get a 4xx in every format: malformed parameters (400), a mutation by GET or HEAD (405), an invalid token
//! (401). A well-formed request that fails gets 200 as `application/json`, as the specification demands, and a status
//! by its error code as `application/graphql-response+json`. In a stream the errors are part of the stream. The
//! specification does not cover rate limits: they respond with 429 in every format.

use std::sync::Arc;

use async_graphql::{Response as GraphqlResponse, ServerError, parser::types::OperationType};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    held_body::held_chunk,
    negotiate::{self, ResponseMode},
    params,
    public_answer::PublicAnswer,
    request_body,
    stream::{self, Framing},
    wire,
};
use crate::{
    domain::{EventCursor, InvalidCursor},
    fairness::Caller,
    graphql::{AnswerBudget, AnswerRefusal, Authenticated, OperationRequest, PreparedOperation},
    http::{
        authorization::authorization,
        entity_tag::KnownTags,
        error::{self, HttpError},
        graphql_error::{self, code},
        middleware::{client_address::LimitedClient, compression::Uncompressed, request_id::RequestId, security},
        response_format::ResponseFormat,
        server::Shutdown,
        state::HttpState,
        websocket,
    },
};

/// Responds to GET and HEAD. The router drops the body of a response to HEAD.
pub(in crate::http) async fn get(State(http): State<Arc<HttpState>>, request: Request) -> Response {
    if websocket::asks_for_websocket(&request) {
        return websocket::upgrade(http, request).await;
    }
    let mode = match negotiate::negotiate(request.headers()) {
        Ok(mode) => mode,
        Err(failure) => return failure.into_response(),
    };
    if let Err(failure) = security::check_cross_site(&http.options.origins, request.headers()) {
        return failure.respond(mode.error_format());
    }
    let read = params::from_uri(request.uri()).map_err(HttpError::from);
    match read.and_then(|operation| Ok((RequestMeta::from_request(&request)?, operation))) {
        Ok((meta, operation)) => run(&http, mode, meta, operation).await,
        Err(failure) => failure.respond(mode.error_format()),
    }
}

pub(in crate::http) async fn post(State(http): State<Arc<HttpState>>, request: Request) -> Response {
    let mode = match negotiate::negotiate(request.headers()) {
        Ok(mode) => mode,
        Err(failure) => return failure.into_response(),
    };
    let meta = RequestMeta::from_request(&request);
    let read = read_body(&http, request).await.and_then(|operation| Ok((meta?, operation)));
    match read {
        Ok((meta, operation)) => run(&http, mode, meta, operation).await,
        Err(failure) => failure.respond(mode.error_format()),
    }
}

/// The parts of the HTTP request that running its operation needs.
struct RequestMeta {
    id: RequestId,
    shutdown: Shutdown,
    client: LimitedClient,
    authorization: Option<String>,
    method: Method,
    /// The ticket that replaces the token in the URL of an event stream.
    ticket: Option<String>,
    /// The cursor after which a stream resumes.
    resume: Option<EventCursor>,
    /// The token of a mutation that the operation must see.
    consistency: Option<String>,
    /// The answers that the client has.
    known: KnownTags,
}

impl RequestMeta {
    fn from_request(request: &Request) -> Result<Self, HttpError> {
        #[expect(clippy::expect_used, reason = "middleware adds both to every request")]
        let (id, client) = (
            request.extensions().get::<RequestId>().expect("a request id").clone(),
            *request.extensions().get::<LimitedClient>().expect("a client"),
        );
        Ok(Self {
            id,
            shutdown: request.extensions().get::<Shutdown>().cloned().unwrap_or_else(Shutdown::never),
            client,
            authorization: authorization(request.headers())?,
            method: request.method().clone(),
            ticket: params::ticket(request.uri())?,
            resume: last_event_id(request.headers())?,
            consistency: consistency_token(request.headers())?,
            known: KnownTags::from_headers(request.headers()),
        })
    }
}

/// The cursor after which an interrupted event stream resumes.
fn last_event_id(headers: &HeaderMap) -> Result<Option<EventCursor>, HttpError> {
    let Some(value) = headers.get("last-event-id").filter(|value| !value.is_empty()) else { return Ok(None) };
    let cursor = value.to_str().ok().and_then(|text| text.parse().ok());
    cursor.map(Some).ok_or_else(|| HttpError::bad_request(format!("Last-Event-ID: {InvalidCursor}.")))
}

/// The token of a mutation that the operation must see.
fn consistency_token(headers: &HeaderMap) -> Result<Option<String>, HttpError> {
    let Some(value) = headers.get("orderwire-consistency").filter(|value| !value.is_empty()) else { return Ok(None) };
    let token = value.to_str().map_err(|_| {
        HttpError::bad_request("orderwire-consistency: send `extensions.consistency.token` of a mutation.".to_owned())
    })?;
    Ok(Some(token.to_owned()))
}

async fn read_body(http: &HttpState, request: Request) -> Result<OperationRequest, HttpError> {
    let (parts, body) = request.into_parts();
    negotiate::check_content_type(&parts.headers)?;
    let body = request_body::read(&parts.headers, body, http.options.body_limit, http.options.body_timeout).await?;
    let text = std::str::from_utf8(&body).map_err(|_| HttpError::bad_request("The body is not UTF-8."))?;
    Ok(params::from_json(params::without_bom(text))?)
}

async fn run(http: &Arc<HttpState>, mode: ResponseMode, meta: RequestMeta, mut request: OperationRequest) -> Response {
    if let Some(token) = &meta.consistency {
        request.set_consistency_token(token);
    }
    let operation = http.endpoint.prepare(request, meta.client.0).await;
    // GET, as from an `EventSource`, and HEAD must not change anything (RFC 9110, section 9.2.1).
    let is_safe = meta.method.is_safe();
    if is_safe && operation.as_ref().is_ok_and(|operation| operation.kind() == OperationType::Mutation) {
        let failure = HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "BAD_USER_INPUT", "Send mutations by POST only.");
        return failure.with_header(header::ALLOW, "POST").respond(mode.error_format());
    }
    let viewer = match (&meta.ticket, &meta.authorization) {
        (None, authorization) => http.endpoint.viewer(authorization.as_deref()).await,
        (Some(ticket), None) if is_safe && mode == ResponseMode::EventStream => match &operation {
            Ok(operation) => http.endpoint.authenticate_ticket(ticket, operation.hash(), meta.resume.is_some()).await,
            // Tickets are only issued for valid operations.
            Err(_) => Err(graphql_error::coded("the ticket is for another operation", "UNAUTHENTICATED")),
        },
        (Some(_), _) => {
            let message = "A ticket is valid for an event stream by GET only, without an Authorization header.";
            return HttpError::bad_request(message).respond(mode.error_format());
        }
    };
    let viewer = match viewer {
        Ok(viewer) => viewer,
        Err(error) => return refuse_viewer(mode.error_format(), error, &meta.id),
    };
    let framing = match mode {
        ResponseMode::Single(format) => return execute(http, format, &meta, viewer, operation).await,
        ResponseMode::Multipart { single: Some(format), .. }
            if !operation.as_ref().is_ok_and(PreparedOperation::subscribes) =>
        {
            return execute(http, format, &meta, viewer, operation).await;
        }
        ResponseMode::Multipart { cursors, .. } => Framing::Multipart { cursors },
        ResponseMode::EventStream => Framing::Sse { reconnects: is_safe },
    };
    let permit = match http.acquire_stream(viewer.viewer, meta.client.0) {
        Ok(permit) => permit,
        Err(reason) => {
            let failure = HttpError::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", format!("{reason}."));
            return failure.respond(mode.error_format());
        }
    };
    if meta.method == Method::HEAD {
        return stream::head(framing);
    }
    let RequestMeta { id, shutdown, resume, client, .. } = meta;
    let client = client.0;
    stream::respond(http, framing, stream::StreamRequest { operation, viewer, client, resume, id, shutdown, permit })
}

async fn execute(
    http: &HttpState,
    format: ResponseFormat,
    meta: &RequestMeta,
    viewer: Authenticated,
    mut operation: Result<PreparedOperation, GraphqlResponse>,
) -> Response {
    let (id, client) = (&meta.id, meta.client.0);
    let public = operation.as_mut().ok().filter(|_| meta.method.is_safe());
    let public = public.and_then(|query| PublicAnswer::new(&*http.endpoint, viewer.viewer, query, &meta.known));
    if let Some(unchanged) = public.as_ref().and_then(PublicAnswer::unchanged) {
        return unchanged;
    }
    let is_mutation = operation.as_ref().is_ok_and(|operation| operation.kind() == OperationType::Mutation);
    let mut response = match operation {
        Ok(operation) => http.endpoint.execute(viewer.viewer, operation).await,
        Err(refusal) => refusal,
    };
    graphql_error::tag_internal_errors(&mut response.errors, id);
    let client = Caller::new(&viewer.viewer, client);
    let mut answer = respond(format, response, &http.endpoint.client_limits().answers, client, public);
    if is_mutation {
        answer.extensions_mut().insert(Uncompressed);
    }
    answer
}

/// The response when the token is invalid or cannot be checked now.
fn refuse_viewer(format: ResponseFormat, error: ServerError, id: &RequestId) -> Response {
    let status = match status_of_refusal(&error) {
        StatusCode::BAD_REQUEST => StatusCode::UNAUTHORIZED,
        status => status,
    };
    let mut errors = [error];
    graphql_error::tag_internal_errors(&mut errors, id);
    let mut response = error::errors(status, format, &errors);
    let header = match status {
        StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#)),
        StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, "1")),
        _ => None,
    };
    response.headers_mut().extend(header.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// Writes the answer, whose bytes count as in flight until the connection has taken them. Caches may keep a `public` one
/// without errors and extensions.
fn respond(
    format: ResponseFormat,
    mut response: GraphqlResponse,
    answers: &Arc<AnswerBudget>,
    client: Caller,
    public: Option<PublicAnswer<'_>>,
) -> Response {
    let limits = answers.limits();
    let mut written = wire::GraphqlResult::from(&response).to_json(limits.whole_answer());
    if written.as_ref().is_err_and(wire::is_too_large) {
        response = GraphqlResponse::from_errors(vec![AnswerRefusal::TooLarge(limits.answer).to_error()]);
        written = wire::GraphqlResult::from(&response).to_json(limits.whole_answer());
    }
    let public = public.filter(|_| response.errors.is_empty() && response.extensions.is_empty());
    let public = public.zip(written.as_ref().ok()).map(|(public, json)| (public.remember(json), public));
    let body = written.map(|json| {
        let mut held = answers.for_client(client);
        held.add(json.len());
        held_chunk(json, held)
    });
    let status = match format {
        _ if wire::was_rate_limited(&response) => StatusCode::TOO_MANY_REQUESTS,
        ResponseFormat::GraphqlResponse if wire::was_refused(&response) => {
            response.errors.first().map_or(StatusCode::BAD_REQUEST, status_of_refusal)
        }
        _ => StatusCode::OK,
    };
    let mut answer = error::json(status, format, body);
    if status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer.headers_mut().extend(response.http_headers);
    match public {
        Some((tag, public)) => public.respond(&tag, answer),
        None => answer,
    }
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
