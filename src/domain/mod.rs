//! Entities, ids, money, events, and the rules by which they change: no I/O, no async, no other module of the crate.
//!
//! What a change does is decided here, by functions of the stored state and the request. A storage engine loads the
//! state, calls the function and saves what it returns, so that all engines decide alike.
//!
//! The serde form of these types is the wire form between nodes and in the event log: ids as prefixed strings,
//! money as integer units of 1/10,000, times as milliseconds since the Unix epoch.

mod api_key;
mod client;
mod clock;
mod consistency;
mod consumer;
mod declare;
mod entity;
mod event;
mod id;
mod idempotency;
mod job;
mod memory;
mod metadata;
mod money;
mod node_bucket;
mod order;
mod page;
mod product;
mod refresh;
mod refusal;
mod relay;
mod rights;
mod sales;
mod search;
mod stamp;
mod task;
pub mod text;
mod time;
mod token_bucket;
mod unicode;
mod user;
mod version;
mod viewer;
mod webhook;

pub use api_key::{ApiKey, ApiKeyId, ApiKeySort, Scope, Scopes};
pub use client::{ClientAddress, PRIVATE_NETWORKS};
pub use clock::{Clock, ClockOffset, SystemClock};
pub use consistency::{ConsistencyToken, InvalidConsistencyToken, MAX_READ_AGE};
pub use consumer::{Consumer, ConsumerChanges, Progress};
pub use declare::{SortField, UnknownValue};
pub use entity::{AnyId, Entity, EntityKind};
pub use event::{
    Before, Changed, CursorKey, Event, EventCursor, EventDraft, EventFilter, EventKind, EventType, InvalidCursor,
    LogFilter, LogId, LogPosition, Seq,
};
pub use id::{DeliveryId, EventId, InvalidId, JobId, SessionId, WebhookId};
pub use idempotency::{Fingerprint, Idempotency, UsedKey};
pub use job::{Job, JobKind, JobOutcome, JobStatus};
pub use metadata::{Metadata, MetadataChange, MetadataFilter, MetadataItems, is_metadata_key, is_metadata_value};
pub use money::{CurrencyCode, Decimal, InvalidCurrency, InvalidDecimal, Money};
pub use node_bucket::{LocalDecision, NodeBucket};
pub use order::{
    HistoryEntry, NewOrder, Order, OrderChange, OrderFields, OrderFilter, OrderId, OrderItem, OrderLine, OrderSort,
    OrderStatus, OrderStep, StatusChange,
};
pub use page::{Direction, Edge, ListQuery, Page, Position, Slice, Sort, SortKey, Take};
pub use product::{
    NewProduct, Product, ProductChanges, ProductFields, ProductFilter, ProductId, ProductSort, ProductStatus,
    StockAdjustment,
};
pub use refresh::{
    PresentedToken, REFRESH_GRACE, RefreshDecision, RefreshSalt, RefreshTokens, ReplacedToken, TokenHash,
};
pub use refusal::{Refusal, UniqueKey};
pub use relay::Relay;
pub use rights::{EndedRights, RightsChange};
pub use sales::{CountedSales, PeriodEnded, SalesPeriod, SalesRanking, SoldProduct};
pub use search::{MAX_NAME_KEY, SearchTerms, SearchWords, TooManyWords};
pub use stamp::{Permission, Stamp};
pub use task::{Task, TaskChanges, TaskFields, TaskFilter, TaskId, TaskOwners, TaskPriority, TaskSort, TaskStatus};
pub(crate) use time::split_date_time;
pub use time::{InvalidTimestamp, Timestamp};
pub use token_bucket::TokenBucket;
pub use user::{User, UserChanges, UserFilter, UserId, UserRole, UserSort, UserVersion};
pub use viewer::Viewer;
pub use webhook::{Delivery, NoWebhook, Webhook, WebhookDefinition, WebhookSecret, WebhookStatus};
