//! The GraphQL API.
//!
//! - [`engine`] prepares, limits and runs operations for any schema. It knows no entity.
//! - [`schema`] holds the types and resolvers, one folder for each entity.
//! - [`api`] runs the schema on the engine: that is what the transports call.

mod api;
mod embed;
mod engine;
mod payloads;
mod schema;

/// Sender of a request, as the transports keep it.
pub use crate::service::Authenticated as ViewerSession;
pub use crate::service::{Authenticated, Readiness};
pub use api::{Api, ApiOptions, Endpoint, check_documents, cost_document, sdl};
pub use engine::{
    client_limits::{
        AnswerBudget, AnswerLimits, AnswerMeter, AnswerRefusal, ClientLimits, HeldBytes, RequestLimiter,
        RequestsExhausted, SubscriptionLimiter, SubscriptionLimits, SubscriptionShare,
    },
    code,
    document::{
        DocumentHash, DocumentLimits, DocumentOptions, Documents, InvalidDocuments, InvalidSchema, Manifest,
        ManifestError, OperationRequest, PreparedOperation, Registry, ScalarRule,
    },
    error::ApiError,
    json::{Json, write_data},
    live::{BoxResultStream, ExecutionResult, ResultBody, ResultStream, results},
    page_size::MAX_PAGE_SIZE,
    public_answers::{ObservedQuery, PublicAnswers, TAG_BYTES},
    rate_limit::{HEADERS as RATE_LIMIT_HEADERS, set_headers as set_rate_limit_headers, set_retry_after},
    resume::ResumeAfter,
};
pub use schema::{Mutation, OrderDirection, Query, Subscription};
