//! The use cases: each authorises, validates, decides and persists. GraphQL and HTTP are not known here.
//!
//! Every method takes the [`Viewer`](crate::domain::Viewer) first and checks its rights itself, also inside batches, so
//! that no caller can forget to. What a viewer may not see does not exist for that viewer.

mod access;
mod account;
mod api_key;
mod caches;
mod consistency;
pub mod consumers;
mod context;
mod error;
mod event;
pub mod export;
pub mod feed;
mod fingerprint;
mod idempotency;
pub mod import;
mod input;
pub mod jobs;
mod jsonl;
mod limits;
mod live;
mod maintenance;
mod metadata;
mod order;
mod page;
mod payload;
mod product;
mod rate_limits;
mod relays;
mod session;
mod task;
mod user;
mod webhooks;

pub use account::{Registration, SignIn};
pub use api_key::{ApiKeyQuery, CreateApiKey};
pub use consistency::ReadAt;
pub use context::{Service, ServiceOptions};
pub use error::{Result, ServiceError, UserError, UserErrorCode, wait_seconds};
pub use event::EventPage;
pub use fingerprint::fingerprint;
pub use input::{MAX_ORDER_LINES, MAX_QUANTITY};
pub use live::{Update, UpdateKind, UpdateStream};
pub use maintenance::Readiness;
pub use metadata::{UpdateMetadata, WithMetadata};
pub use order::{CancelOrder, OrderInputLine, OrderResult, PlaceOrder, UpdateOrderStatus};
pub use product::{AdjustStock, UpdateProduct};
pub use rate_limits::{Allowance, RateLimits};
pub use relays::Relays;
pub use session::Authenticated;
pub use task::{CreateTask, UpdateTask};
pub use user::UpdateProfile;
pub use webhooks::{CreateWebhook, DeliveryOfEvent, PayloadRenderer, UpdateWebhook, WebhookOptions};

pub use crate::auth::OperationHash;
pub use crate::cluster::{MemoryDocuments, RegisteredDocuments};
pub use crate::storage::{OrderQuery, ProductQuery, TaskQuery, UserQuery};
